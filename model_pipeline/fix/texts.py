"""Sentences rich in one visible class, for speech synthesis; written for this project."""

from collections.abc import Iterable
from random import Random

from model_pipeline.fix.findings import Fault

BILABIAL = (
    "my mother baked a plum pie in the palm of my hand",
    "bob may be a bit above the map",
    "maybe papa bought me a big blue pump",
    "many people may jump up and bump the lamp",
    "be my baby and keep me happy",
    "the museum map ought to be above the door",
    "i am poor but i am proud to be here",
    "the problem was put to me by a member of the club",
    "a lamb came up to me by the pump",
    "remember my promise to bring back the piano",
    "obey me or be punished by the mob",
    "a bumble bee climbed up the apple bloom",
)
LABIODENTAL = (
    "five heavy leaves fell over the river",
    "if i ever have a fever i leave very fast",
    "the selfish chief gave a final favour",
    "even a brave wife feels very awful",
    "offer half of every loaf to a friend",
    "david never fought over a golf victory",
    "save a safe voyage for every family",
    "twelve fine voices filled the valley",
)
OPEN = (
    "father taught all of us how to park the car",
    "now a hot lamp is hard to hold so far apart",
    "the tall man sang a long song about a dark hall",
    "my cat sat in the shadow of a large rock all day",
    "how now brown cow out and about the house",
    "they saw a white kite high in the sky at night",
    "call aunt martha and ask her what has happened",
    "the doctor was calm and lost in thought",
)
ROUNDED = (
    "who would go home so soon to those cold rooms",
    "you should move the boat slowly through the blue pool",
    "no one knows how to choose a good new coat",
    "we walked slowly towards the woods with two wooden shoes",
    "the old boy enjoyed the noise of the oil stove",
    "would you put a few cookies upon a low stool",
)
REPLAY = (
    "the quick brown fox jumps over the lazy dog",
    "the garden is full of birds at this time of the year",
    "take the second street on the left and ask again",
    "good morning everybody it is such a lovely day outside",
    "happy birthday to you my dear grandmother from all of us",
    "the letter came yesterday and it made everyone very happy",
    "she sells sea shells by the sea shore every summer",
    "when we were children we used to play there until evening",
    "thank you for the photograph it reminds me of the old house",
    "how are you doing today we miss you and think of you often",
    "the ship sailed from the harbour long before the storm arrived",
    "i wish you a merry christmas and a very happy new year",
    "please close the door behind you and take your shoes off",
    "our neighbours have three dogs and a singing parrot",
    "nobody noticed that the lights had been switched off",
    "what a wonderful surprise to hear your voice again",
    "my grandmother bought some apples and pears",
    "a few brave people moved the piano up the steps",
    "we voted for the best film of the evening",
    "the moon was bright above the frozen lake",
    "after supper papa read us a poem about the sea",
    "both of you should go home before the rain begins",
    "how far away is the farm that you told me about",
    "please put the blue umbrella back into the hall",
    "nobody ever knew what became of the white cat",
    "i would love to have a cup of coffee with you now",
    "the women of the village made bread and jam for the feast",
    "calm down and tell me what happened from the start",
)
"""Every class in its usual share; the voice of a complaint is never among them."""

HELD_OUT = (
    "my brother bought a pair of brown boots for the camp",
    "every family has a very faithful friend",
    "a calm father asked about the large car in the yard",
    "who would choose to move so slowly through the woods",
    "the weather report promised sunshine for the whole week",
    "remember to call your grandfather before supper",
)
"""Never trained on: they decide when training stops."""

GUARD = (
    "the baker sells warm bread and plum buns every morning",
    "my uncle painted the wooden fence in front of his house",
    "put the map under the lamp before you pack the bags",
    "a fat brown rabbit hopped over the muddy path",
    "the violin was left above the fireplace for five years",
    "whoever was at the window moved without a sound",
    "all the apples fell from the old tree by the barn",
    "could you both wait for me by the museum door",
    "my wife has never been fond of very loud music",
    "the farmer's dog barked at the dark shape in the yard",
    "nobody remembers who built the small stone bridge",
    "few of them knew the way through the wood to the pool",
    "the pilot promised a smooth and pleasant trip",
    "father asked us not to walk on the wet carpet",
    "the bishop met a group of poor people at the abbey",
    "snow covered the roofs of the whole village overnight",
    "if you follow the river you will find a quiet cove",
    "mum keeps the buttons in a box on top of the cupboard",
    "what a marvellous view there is from the balcony",
    "the blue boat slowly moved towards the open sea",
    "my favourite book is about a whale and a lonely captain",
    "they have planned a big party for the beginning of may",
    "the small boy threw two stones into the cool water",
    "perhaps everyone should be a bit more patient at work",
)
"""Neither trained on nor used for stopping: the verdict listens to these alone.

Whoever tunes the training must not look at what single sentences do; who has looked moves them to ``REPLAY``.
"""

BY_FAULT = {
    Fault.BILABIAL: BILABIAL,
    Fault.LABIODENTAL: LABIODENTAL,
    Fault.OPEN: OPEN,
    Fault.ROUNDED: ROUNDED,
    Fault.AMPLITUDE: OPEN + BILABIAL,
    Fault.SILENCE: REPLAY,
    Fault.LAG: BILABIAL + OPEN,
    Fault.TIMING: BILABIAL + OPEN + LABIODENTAL,
}
"""What trains a fault away; silence is trained on ordinary speech with pauses."""


def texts_for(faults: Iterable[Fault], count: int, seed: int) -> list[str]:
    """Return ``count`` sentences for the faults, every fault in turn, pieces of two sentences joined for variety."""
    wanted = list(dict.fromkeys(faults)) or [Fault.BILABIAL]
    random = Random(seed)  # noqa: S311 - a seeded choice of sentences, no secret
    return [_joined(random, BY_FAULT[wanted[index % len(wanted)]]) for index in range(count)]


def _joined(random: Random, pool: tuple[str, ...]) -> str:
    first, second = random.sample(pool, 2)
    return f"{first}, {second}" if random.random() < 0.5 else first
