"""Who a rendered head is: everything about a person that does not exist, drawn from one seed."""

from dataclasses import dataclass, field

import numpy as np

from model_pipeline.studio.asset import load_asset

ADULT_YEARS, CHILD_SHARE = (0.5, 0.95), 0.12
"""MakeHuman's scale of age: 0.19 a child, 0.5 young, 1 old."""
CHILD_YEARS = (0.25, 0.40)
OLD_FROM = 0.75
BEARD_SHARE, GLASSES_SHARE, BALD_SHARE = 0.45, 0.3, 0.12
"""Of the men; of everybody; of the men."""
DETAILS, DETAIL_SD, ASYMMETRY_SD = 26, 0.3, 0.25
"""How many of the shape targets differ from the mean, and how far (1 is the whole target)."""
AVOIDED = ("measure-", "l-eye-height", "mouth-angles", "mouth-upperlip-ext", "mouth-lowerlip-ext", "-middle-")
"""Targets whose names hold these words open the neutral mouth or close the eyes, or ask for a whole body."""
SKIN_TONES = np.array(
    [(0.93, 0.78, 0.69), (0.90, 0.71, 0.59), (0.83, 0.62, 0.48),
     (0.71, 0.50, 0.36), (0.53, 0.35, 0.24), (0.36, 0.23, 0.16)]
)  # fmt: skip
"""sRGB 0..1, from light to dark."""
HAIR_TONES = np.array(
    [(0.06, 0.05, 0.05), (0.16, 0.10, 0.07), (0.33, 0.21, 0.12), (0.62, 0.47, 0.28), (0.45, 0.18, 0.09)]
)
GREY_HAIR = np.array([0.72, 0.71, 0.70])
IRIS_TONES = np.array([(0.20, 0.11, 0.06), (0.33, 0.21, 0.11), (0.28, 0.34, 0.20), (0.33, 0.45, 0.56)])
CLOTHES = np.array(
    [(0.14, 0.16, 0.22), (0.45, 0.44, 0.42), (0.35, 0.12, 0.13), (0.17, 0.27, 0.22), (0.75, 0.73, 0.68)]
)
TOOTH_TONES = np.array([(0.90, 0.87, 0.80), (0.84, 0.78, 0.66)])


@dataclass(frozen=True)
class Person:
    """One head; colours are sRGB 0..1, lengths mm."""

    seed: int
    shapes: dict[str, float]
    """Shape target -> share of it."""
    years: float
    """MakeHuman's scale of age."""
    skin: tuple[float, float, float]
    lip: tuple[float, float, float]
    hair: tuple[float, float, float]
    hair_mm: float
    """Thickness of the hair; 0 is a bald head."""
    beard_mm: float
    """0 is shaved; up to 1 stubble."""
    freckles: float
    """0..1"""
    iris: tuple[float, float, float]
    teeth: tuple[float, float, float]
    clothes: tuple[float, float, float]
    glasses: tuple[float, float, float] | None = field(default=None)
    """Colour of the frame."""
    round_glasses: bool = False


def draw_person(
    seed: int,
    *,
    child: bool | None = None,
    beard: bool | None = None,
    glasses: bool | None = None,
    tone: float | None = None,
) -> Person:
    """Draw a person; what is named is as named. ``tone`` runs from 0 (light skin) to 1 (dark)."""
    dice = np.random.default_rng([seed, 2026])
    male, young = dice.random() < 0.5, dice.random() < CHILD_SHARE
    young = young if child is None else child
    male = male if beard is None or not beard else True
    years = float(dice.uniform(*(CHILD_YEARS if young else ADULT_YEARS)))
    shade = float(dice.random()) if tone is None else tone
    skin = _between(SKIN_TONES, shade) * dice.uniform(0.95, 1.05, 3)
    grey = float(np.clip((years - OLD_FROM) / 0.2, 0, 1)) * dice.uniform(0.3, 1.0)
    light_hair = dice.random() < max(0.0, 0.7 - shade * 1.6)
    hair = HAIR_TONES[dice.integers(2, 5) if light_hair else dice.integers(0, 2)] * dice.uniform(0.8, 1.2)
    hair = hair * (1 - grey) + GREY_HAIR * grey
    bearded = (dice.random() < BEARD_SHARE) if beard is None else beard
    wears = (dice.random() < GLASSES_SHARE) if glasses is None else glasses
    bald = male and not young and dice.random() < BALD_SHARE
    thick = 0.0 if bald else float(dice.uniform(5.0, 11.0) if male else dice.uniform(9.0, 16.0))
    light_eyes = shade < 0.35 and dice.random() < 0.55
    irises = IRIS_TONES[2:] if light_eyes else IRIS_TONES[:2]
    rosy = skin * np.array([0.88, 0.64, 0.66]) + np.array([0.0, 0.0, 0.02])
    frame = tuple(dice.choice([(0.05, 0.05, 0.06), (0.25, 0.14, 0.08), (0.55, 0.52, 0.48)]).tolist())
    return Person(
        seed=seed, years=years, skin=_colour(skin), lip=_colour(rosy * dice.uniform(0.92, 1.08)), hair=_colour(hair),
        shapes=_macro(dice, male, years, shade) | _details(dice), hair_mm=thick,
        beard_mm=(float(dice.uniform(0.5, 6.0)) if male and not young and bearded else 0.0),
        freckles=float(max(0.0, dice.normal(-0.2, 0.45))) if shade < 0.5 else 0.0,
        iris=_colour(irises[dice.integers(0, 2)] * dice.uniform(0.85, 1.15)),
        teeth=_colour(_between(TOOTH_TONES, float(dice.random()))),
        clothes=_colour(CLOTHES[dice.integers(len(CLOTHES))]),
        glasses=frame if wears else None, round_glasses=bool(dice.random() < 0.5),
    )  # fmt: skip


def _macro(dice: np.random.Generator, male: bool, years: float, shade: float) -> dict[str, float]:
    """Shares of MakeHuman's macro targets; those of one kind add up to 1."""
    sexes = {"male" if male else "female": 0.8, "female" if male else "male": 0.2}
    ages = _ages(years)
    kinds = dict(zip(("caucasian", "asian", "african"), dice.dirichlet(_kinds(shade)), strict=True))
    found = {}
    for sex, s in sexes.items():
        for age, a in ages.items():
            found |= {f"macrodetails/{kind}-{sex}-{age}": s * a * k for kind, k in kinds.items()}
            found[f"macrodetails/universal-{sex}-{age}-averagemuscle-averageweight"] = s * a
    return found


def _ages(years: float) -> dict[str, float]:
    marks = {"baby": 0.0, "child": 0.1875, "young": 0.5, "old": 1.0}
    names, at = list(marks), list(marks.values())
    right = int(np.clip(np.searchsorted(at, years), 1, 3))
    share = (years - at[right - 1]) / (at[right] - at[right - 1])
    return {names[right - 1]: 1 - share, names[right]: share}


def _kinds(shade: float) -> tuple[float, float, float]:
    light, middle, dark = max(0.05, 1 - 1.8 * shade), 1 - abs(2 * shade - 0.8), max(0.05, 1.8 * shade - 0.8)
    return (0.8 * light + 0.05, 0.6 * max(middle, 0.1), 0.9 * dark + 0.05)


def _details(dice: np.random.Generator) -> dict[str, float]:
    """Draw shares of some detail targets; left and right alike, and a little asymmetry."""
    every = [name for name in load_asset().shape_names if not name.startswith("macrodetails/")]
    whole = [
        n for n in every if not n.startswith("asym/") and not any(word in n for word in AVOIDED) and "/r-" not in n
    ]
    odd = [name for name in every if name.startswith("asym/") and "breast" not in name and "trunk" not in name]
    found: dict[str, float] = {}
    for name in dice.choice(whole, DETAILS, replace=False):
        share = float(np.clip(abs(dice.normal(0, DETAIL_SD)), 0, 2.2 * DETAIL_SD))
        found[str(name)] = share
        if "/l-" in name:
            found[str(name).replace("/l-", "/r-")] = share
    return found | {
        str(name): float(abs(dice.normal(0, ASYMMETRY_SD))) for name in dice.choice(odd, 4, replace=False)
    }


def _between(table: np.ndarray, share: float) -> np.ndarray:
    """Return the colour at ``share`` (0..1) of a row of colours."""
    place = np.clip(share, 0, 1) * (len(table) - 1)
    left = min(int(place), len(table) - 2)
    return np.asarray(table[left] + (table[left + 1] - table[left]) * (place - left))


def _colour(values: np.ndarray) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in np.clip(values, 0.0, 1.0))
    return red, green, blue
