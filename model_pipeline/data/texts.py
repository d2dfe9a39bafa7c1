"""Sentences to be spoken: our own word lists, mixed at random, so that all sounds meet all others."""

import random

VOICES = {
    "en-us": 6, "en": 3, "en-gb-scotland": 1, "cmn-latn-pinyin": 3, "de": 1, "fr": 1, "es": 1, "it": 1, "nl": 1,
    "pl": 1, "pt": 1, "sv": 1,
}  # fmt: skip
"""espeak-ng voice -> how often."""

_ENGLISH = """
apple baby bubble map family mother people maybe open above happy problem remember summer number
member bamboo pepper paper book bread blue brown pretty private simple table lamb room time home
some come from them swim form warm father father's often coffee five never very village leave over
move give love voice visit laugh enough photo funny three think other brother weather nothing thank
with both path teeth truth this that these those there stone sister season city see yes glass house
rice please nice story street stars easy music rose always she shoe fish ocean sugar nation station
special machine church each watch teacher orange change bridge job joy go garden game guess again
dog big bag egg good give kitchen key car cake look like back week king sing long young water one
way away window winter quick quiet question twelve world work word warm were where what when why
light little letter lamp lily lullaby yellow hello million william tall ball call small fall tell
well bell red river road right write sorry hurry very carry story more door floor four or hour our
you year young use music new few view beauty cute human ah are art arm heart father calm far dark
park star garden spa aunt eat tea tree green sea see field week deep people key boot food moon room
blue two shoe through soon noon juice fruit boat go home stone road snow know show slow gold cold
old open only out now how house mouth down town found sound round eye my time night light fly sky
high child wild mind find bed men head said friend many any egg red ten pen day say way rain train
name place face great wait eight boy toy voice noise coin point enjoy cat hat man hand land sand
apple black back thank happy bird her girl work word learn early nurse turn it in is if big six fish
wish milk ship lip hip the a of and to in for on with at by from as but not or so we he they I
around arrow
"""
_GRID = (
    "bin lay place set", "blue green red white", "at by in with",
    "a b c d e f g h i j k l m n o p q r s t u v x y z",
    "zero one two three four five six seven eight nine", "again now please soon",
)  # fmt: skip
_OTHER = {
    "cmn-latn-pinyin": "ni3 hao3 wo3 men5 ma1 ma5 ba4 ba5 peng2 you3 bei3 jing1 pu3 tong1 hua4 fei1 chang2 gao1 "
    "xing4 xie4 xie5 jia1 ren2 ming2 tian1 jian4 mian4 bao3 bei4 ye2 ye5 nai3 nai5 wan3 an1 sheng1 ri4 kuai4 le4 "
    "fu2 mu3 bu4 yao4 wang4 shui3 dong1 xi1 nan2 lu4 shang4 xue2 pao3 piao4 liang5 mei2 hua1 da4 xiao3 duo1 shao3",
    "de": "guten morgen liebe mutter vater familie heute wetter schön blume apfel brot abend bitte baum buch fenster "
    "über fünf zwölf freund machen woche wunderbar immer leben oma opa und ich wir haben viel spaß zusammen",
    "fr": "bonjour ma petite maman papa famille beau temps bien merci beaucoup fleur pomme fenêtre table livre vous "
    "nous avons une maison bleue pour toujours demain matin soleil lune rouge jaune deux trois",
    "es": "buenos días mamá papá familia vamos al parque pequeño bueno bonito agua pan mesa libro amigo mañana "
    "siempre feliz cumpleaños abuela abuelo vive muy bien con todo el mundo",
    "it": "buongiorno mamma papà famiglia bella giornata pane vino acqua libro amico sempre domani molto bene piazza "
    "bambino nonna nonno abbiamo una casa piccola",
    "nl": "goedemorgen lieve moeder vader familie mooi weer brood boek vriend altijd morgen heel veel bloemen samen",
    "pl": "dzień dobry mamo tato rodzina piękna pogoda chleb woda książka przyjaciel zawsze jutro bardzo babcia",
    "pt": "bom dia mamãe papai família bonito tempo pão água livro amigo sempre amanhã muito bem obrigado",
    "sv": "god morgon mamma pappa familj vackert väder bröd vatten bok vän alltid imorgon mycket bra blommor",
}
ENGLISH_WORDS = tuple(" ".join((_ENGLISH, *_GRID)).split())
_COMMAND_SHARE = 0.15
_COMMA_SHARE = 0.12


def sentence(dice: random.Random, voice: str) -> str:
    """Return a sentence for an espeak-ng voice."""
    words = (_ENGLISH if voice.startswith("en") else _OTHER[voice]).split()
    if voice.startswith("en") and dice.random() < _COMMAND_SHARE:
        return " ".join(dice.choice(column.split()) for column in _GRID)
    count = dice.randint(5, 12)
    spoken = [dice.choice(words) + ("," if dice.random() < _COMMA_SHARE else "") for _ in range(count)]
    return " ".join(spoken) + dice.choice(".?!.")


def voice(dice: random.Random) -> str:
    """Return a voice, by the weights of VOICES."""
    return dice.choices(list(VOICES), weights=list(VOICES.values()))[0]
