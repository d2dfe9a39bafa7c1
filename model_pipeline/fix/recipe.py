"""A complaint becomes a delta, step by step: analyse, gather samples, train, pack, judge."""

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from msgspec import structs

from device_agent.engine import package
from device_agent.engine.loaded import Engine
from device_agent.engine.photo.portrait import Portrait
from device_agent.engine.runtime.motion import Prompt
from device_agent.errors import NoFace
from frame_protocol.model_package import Decode, Sampling
from model_pipeline.errors import FixError
from model_pipeline.fix import texts
from model_pipeline.fix.analysis import Analysis, analyse
from model_pipeline.fix.complaint import ComplaintCase
from model_pipeline.fix.examples import Example, PromptKind
from model_pipeline.fix.findings import Fault, Limits
from model_pipeline.fix.gather import GUARD_SEED, Gatherer, Said
from model_pipeline.fix.guard import Scores, Utterance, score
from model_pipeline.fix.ipa import phones
from model_pipeline.fix.laboratory import Base, load_base
from model_pipeline.fix.media import read_frames, read_sound
from model_pipeline.fix.pack import integer_factors, merge_package, write_delta
from model_pipeline.fix.plan import Plan
from model_pipeline.fix.result import Result
from model_pipeline.fix.samples import OwnVoice, speak
from model_pipeline.fix.speech import speaking_frames
from model_pipeline.fix.train import Progress, PromptTokens, Settings, Trained, train
from model_pipeline.fix.verdict import Outcome, Verdict, judge, missed
from model_pipeline.models.prompt import NULL_BIAS

Say = Callable[[str], None]
COLDEST = 0.1
"""At 0 only the likeliest code counts, and there is no gradient."""


def fix(
    case: ComplaintCase, base_folder: Path, out: Path, plan: Plan, *, say: Say, tick: Callable[[Progress], None]
) -> Result:
    """Turn ``case`` into a delta at ``out`` if that makes the frame better; ``base_folder`` is not changed."""
    manifest = package.load(base_folder).manifest
    told = case.record.weights_sha256
    if told is not None and told != manifest.weights_sha256:
        raise FixError(
            f"The complaint is about the weights {told[:12]}, the base given has {manifest.weights_sha256[:12]}; "
            "name the package that the frame had installed."
        )
    say("analysing the clip")
    transcript = plan.transcript or case.record.transcript
    analysis = analyse(case.clip, case.voice, base_folder, transcript)
    bench = Bench.prepare(case, analysis, base_folder, plan)
    say("gathering samples")
    training, held_out = bench.examples()
    say(f"training on {len(training)} windows of 3 s")
    with ThreadPoolExecutor(1) as other_core:
        before = other_core.submit(bench.scores, bench.engine)
        trained = train(
            bench.base.model,
            bench.base.weights,
            training=training,
            held_out=held_out,
            prompts=bench.prompt_tokens(),
            sampling=mean_shown(manifest.sampling),
            settings=bench.settings(),
            report=tick,
        )
    say("packing and judging")
    return bench.finish(trained, out, before.result())


def mean_shown(sampling: Sampling) -> Sampling:
    """Return the mean of the codes that a frame shows, or what its drawings come to."""
    temperature = max(sampling.temperature, COLDEST) if sampling.decode is Decode.MEAN else 1.0
    return structs.replace(sampling, decode=Decode.MEAN, temperature=temperature)


@dataclass(frozen=True)
class Bench:
    """What all steps of one fix share."""

    analysis: Analysis
    voice: np.ndarray
    speaking: np.ndarray
    base: Base
    engine: Engine
    portrait: Portrait | None
    faults: list[Fault]
    plan: Plan

    @classmethod
    def prepare(cls, case: ComplaintCase, analysis: Analysis, folder: Path, plan: Plan) -> "Bench":
        """Load the base, and see the portrait as the frame saw it."""
        voice = read_sound(case.voice)
        engine = Engine(package.load(folder))
        return cls(
            analysis=analysis,
            voice=voice,
            speaking=speaking_frames(voice, folder),
            base=load_base(folder, plan.laboratory),
            engine=engine,
            portrait=_portrait(engine, case.clip, analysis),
            faults=[item.fault for item in analysis.findings] or [Fault.BILABIAL],
            plan=plan,
        )

    def settings(self) -> Settings:
        """Return the plan's settings; where silence did not fail, the frame's gate takes care of it alone."""
        settings = self.plan.settings
        if Fault.SILENCE in self.faults:
            return settings
        return replace(settings, weights=replace(settings.weights, silence=0.0))

    def prompt(self, engine: Engine) -> Prompt:
        """Return what ``engine`` knows of the complaint's photo."""
        if self.portrait is None:
            return engine.motion.null_prompt()
        return engine.motion.prompt(self.portrait.prompt, self.portrait.rest_opening_mm, self.portrait.rest_width_mm)

    @torch.no_grad()
    def prompt_tokens(self) -> dict[PromptKind, PromptTokens]:
        """Return the prompts to train with: none, and the complaint's own portrait."""
        vit = self.base.model.vit
        none = PromptTokens(vit.null_tokens(), NULL_BIAS)
        if self.portrait is None:
            return {PromptKind.NONE: none, PromptKind.PHOTO: none}
        rest = torch.tensor([self.portrait.rest_opening_mm, self.portrait.rest_width_mm, 1.0, 0.0]).reshape(
            1, 4, 1, 1
        )
        photo = torch.from_numpy(np.asarray(self.portrait.prompt, np.float32))
        return {PromptKind.NONE: none, PromptKind.PHOTO: PromptTokens(vit(photo, rest.float()), 0.0)}

    def examples(self) -> tuple[list[Example], list[Example]]:
        """Return what is trained on and what decides when to stop."""
        voice = OwnVoice(self.voice, self.analysis.phones, self.speaking)
        return Gatherer(self.base.model, self._said, voice, self.faults, self.plan).examples()

    def _said(self, audio: np.ndarray) -> Said:
        """Return what the installed base shows for ``audio``, and what it tells itself."""
        spoken = list(self.engine.motion.speak(audio, self.prompt(self.engine), self.engine.manifest.sampling))
        shown, told = [frame.codes for frame in spoken], [frame.fed_back for frame in spoken]
        return Said(np.array(shown, np.float32), np.array(told, np.float32))

    def finish(self, trained: Trained, out: Path, before: tuple[Scores, Scores]) -> Result:
        """Merge, measure the result as a frame runs it, and write the delta if it is worth sending."""
        factors = integer_factors(trained.factors)
        base_hash = self.engine.manifest.weights_sha256
        if not factors:
            verdict = Verdict(Outcome.NO_IMPROVEMENT, [], ["the training changed no weight by a whole step"])
            return self._result(trained, verdict, (before, before), base_hash, None)
        with tempfile.TemporaryDirectory(prefix="liveframe-fix-") as folder:
            merged, work = Path(folder) / "merged", Path(folder) / "work"
            merged.mkdir()
            work.mkdir()
            manifest = merge_package(self.base.folder, factors, merged)
            after = self.scores(Engine(package.load(merged)))
            faults = [*self.faults, *missed(before[0], Limits())]
            verdict = judge(faults, (before[0], after[0]), (before[1], after[1]))
            send = verdict.outcome is Outcome.IMPROVED or self.plan.force
            if send:
                write_delta(out, self.base.folder, factors, manifest, work)
        return self._result(trained, verdict, (before, after), manifest.weights_sha256, out if send else None)

    def _result(
        self,
        trained: Trained,
        verdict: Verdict,
        scores: tuple[tuple[Scores, Scores], tuple[Scores, Scores]],
        result_hash: str,
        delta: Path | None,
    ) -> Result:
        (complaint_before, replay_before), (complaint_after, replay_after) = scores
        return Result(
            verdict=verdict,
            analysis=self.analysis,
            trained=trained,
            complaint_scores=(complaint_before, complaint_after),
            replay_scores=(replay_before, replay_after),
            base_weights_sha256=self.engine.manifest.weights_sha256,
            result_weights_sha256=result_hash,
            delta=delta,
        )

    def scores(self, engine: Engine) -> tuple[Scores, Scores]:
        """Return the scores on the complaint's voice and on the replay set."""
        own, prompt = [Utterance(self.voice, self.analysis.phones)], self.prompt(engine)
        return score(engine, own, prompt), score(engine, self._guard_set(), prompt)

    def _guard_set(self) -> list[Utterance]:
        sentences = texts.GUARD[: self.plan.amounts.guard]
        spoken = [speak(text, GUARD_SEED + index) for index, text in enumerate(sentences)]
        return [Utterance(item.audio, phones(item.phonemes)) for item in spoken]


def _portrait(engine: Engine, clip: Path, analysis: Analysis) -> Portrait | None:
    """Return the portrait in the clip's most closed frame; None where the engine sees no face."""
    wanted = int(np.argmin(analysis.curve.opening_mm))
    for index, picture in enumerate(read_frames(clip)):
        if index == wanted:
            try:
                height, width = picture.shape[:2]
                return engine.reader.read(picture, width, height)
            except NoFace:
                return None
    return None
