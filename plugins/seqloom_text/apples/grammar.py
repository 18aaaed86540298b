"""The material of the data set ``apples``: frames around "Apple", and clues to what it means.

A sentence is an opening, the word "Apple", a middle, a clue and an ending. All but the clue fit
both meanings. Openings and middles belong to one split each, so that no frame of the test sentences
is seen in training; the clues belong to all, for they are what is to be learned. ``{slot}`` stands
for one of the entries of `WORDS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

KINDS = ("company", "fruit")
APPLE_TYPES = {"company": "ORG", "fruit": "FRUIT"}

ENTITY_TYPES: Mapping[str, str] = {
    "person": "PER",
    "place": "LOC",
    "firm": "ORG",
    "gadget": "PRODUCT",
    "food": "DISH",
}
"""The slots that are entities, with their types."""

OPENINGS: Mapping[str, Sequence[str]] = {
    "train": (
        "",
        "I think that",
        "Everybody knows that",
        "My sister says that",
        "{person} told me that",
        "Yesterday we heard that",
        "It is true that",
        "In {place} , people say that",
        "As far as I know ,",
        "To be honest ,",
        "Our teacher explained to us that",
        "Last week {person} wrote that",
        "They still believe that",
        "On the radio someone said that",
        "After a long talk {person} agreed that",
        "If you ask {person} ,",
        "It is no surprise that",
        "One morning my brother noticed that",
        "It seems to me that",
        "Please remember that",
        "As everybody in {place} knows ,",
        "We all learned at school that",
        "Nobody told {person} that",
        "My father explained to {person} that",
        "You and {person} know that",
        "The people of {place} think that",
        "We wrote to {person} today that",
    ),
    "val": (
        "",
        "Most people agree that",
        "{person} still says that",
        "We all know that",
        "In {place} I heard that",
        "My teacher noticed that",
        "To me it seems that",
    ),
    "test": (
        "",
        "People in {place} believe that",
        "My brother told {person} that",
        "I know that",
        "Honestly ,",
        "As my sister says ,",
        "{person} wrote to me that",
        "Someone explained at school that",
        "We think that",
        "It is no secret that",
    ),
}

MIDDLES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "train": {
        "gap": (
            "is something that",
            "is exactly what",
            "is , you guess , something that",
            "is a thing that",
            "was the one thing that",
            "became something which",
            "has often been what",
            "is always the thing which",
        ),
        "does": (
            "",
            "usually",
            "often",
            "always",
            "once again",
            "— no joke —",
            "almost always",
            "is here and",
            "now and then",
            "again and again",
            ", as you may guess ,",
        ),
        "noun": (
            "is",
            "was",
            "became",
            "has long been",
            "is really nothing but",
            "might be called",
            "has always been",
            "is once again",
            "is for us",
        ),
        "clause": (
            "came up today , since",
            "matters because",
            "was mentioned twice , for",
            "is here again because",
            "came to mind because",
            "was the topic , since",
            "was in the news because",
        ),
    },
    "val": {
        "gap": ("is the one thing that", "is often what"),
        "does": ("almost once again", ", as you know ,"),
        "noun": ("will always be",),
        "clause": ("was in our mind because",),
    },
    "test": {
        "gap": ("is the thing that", "has always been what", "is once again something that"),
        "does": ("almost always once again", "— as you may guess —", "now and again"),
        "noun": ("has become", "is often called"),
        "clause": ("was mentioned because", "came up twice , since"),
    },
}
"""Split → form of the clue → what stands between "Apple" and the clue."""

CLUES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "company": {
        "gap": (
            "{rivals} simply cannot {copy}",
            "{rivals} {often} {copy}",
            "{investors} {watch} {closely}",
            "{firm} would love to {acquire}",
            "{officials} want to {regulate}",
            "{rivals} and {investors} {watch}",
            "{officials} in {place} {watch} {closely}",
        ),
        "does": (
            "{launched} {modern} {devices}",
            "{hired} {number} {staff}",
            "{launched} the {gadget}",
            "{sued} {firm}",
            "raised the price of its {devices}",
            "pays its {staff} {generously}",
            "moved its {departments} to {place}",
            "beat {firm} on the stock market",
        ),
        "noun": (
            "the {largest} {company} on the stock market",
            "a {company} with {number} {staff}",
            "a {company} that makes {modern} {devices}",
            "the main competitor of {firm}",
            "the maker of the {gadget}",
        ),
        "clause": (
            "its {shares} {rose} by {number} percent",
            "the {boss} presented {modern} {devices}",
            "the {boss} dismissed {number} {staff}",
            "{officials} {watch} its {departments}",
            "its {devices} {crash} {often}",
            "{firm} lost a lawsuit",
        ),
    },
    "fruit": {
        "gap": (
            "I like to {eat}",
            "{eaters} {often} {eat} {raw}",
            "{eaters} love to {eat}",
            "the {cook} {bakes} into {food}",
            "the {cook} {cuts} with a {tool}",
            "{animals} and {eaters} {eat}",
            "{animals} in {place} {eat} {raw}",
        ),
        "does": (
            "{tastes} {sweet} and {fresh}",
            "{tastes} {sweet} with {food}",
            "goes well with {food}",
            "grows in the {orchards}",
            "turns {red} in {season}",
            "fell into the {grass}",
            "contains {number} grams of {sugar}",
            "lies in the {bowl}",
        ),
        "noun": (
            "a {sweet} fruit with {red} {skin}",
            "the {ripest} fruit in the {bowl}",
            "a {fresh} {snack} for {eaters}",
            "a {snack} with {number} grams of {sugar}",
            "the main ingredient of {food}",
        ),
        "clause": (
            "the {orchards} blossomed in {season}",
            "the {cook} made {food} with it",
            "{eaters} {eat} it {raw}",
            "its {skin} is {red} and {fresh}",
            "{animals} nibble its {skin}",
            "{season} filled the {orchards}",
        ),
    },
}
"""Kind → form → the words that tell the kind."""

ENDINGS = (
    ".",
    ".",
    ".",
    "!",
    "these days .",
    "every single year .",
    "in my opinion .",
    ", they say .",
    "more than ever .",
    "once in a while .",
)


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(phrase.strip() for phrase in text.split("|"))


WORDS: Mapping[str, Sequence[str]] = {
    # Both kinds.
    "person": _phrases(
        "Anna Keller | Tom Baker | Maria | Ravi Shah | Lucy Brown | Peter | Chen Wei | Fatima Noor"
        " | Olga Petrova"
    ),
    "place": _phrases(
        "Berlin | Lisbon | New Delhi | Oslo | Cape Town | Toronto | Vienna | Buenos Aires"
    ),
    "number": _phrases("two | three | five | seven | nine | twelve | twenty | forty"),
    "often": _phrases("often | rarely | sometimes | seldom"),
    # The company.
    "rivals": _phrases(
        "competitors | rivals | imitators | startups | manufacturers | other brands"
    ),
    "copy": _phrases("reproduce | copy | outsell | undercut | imitate | clone"),
    "investors": _phrases(
        "investors | shareholders | analysts | bankers | brokers | pension funds"
    ),
    "watch": _phrases("watch | monitor | audit | evaluate | criticise"),
    "closely": _phrases("closely | nervously | every quarter | with great interest"),
    "acquire": _phrases("acquire | buy out | merge with | bankrupt | overtake"),
    "officials": _phrases("regulators | prosecutors | tax inspectors | lawmakers | lawyers"),
    "regulate": _phrases("regulate | fine | tax | break up | prosecute"),
    "launched": _phrases("launched | unveiled | released | announced | patented"),
    "modern": _phrases("wireless | faster | cheaper | foldable | encrypted | expensive"),
    "devices": _phrases("phones | laptops | tablets | headphones | chips | keyboards | cameras"),
    "hired": _phrases("hired | recruited | employed | fired | trained"),
    "staff": _phrases("engineers | designers | programmers | managers | accountants"),
    "generously": _phrases("generously | poorly | on time | in stock options"),
    "sued": _phrases("sued | acquired | outbid | bought | partnered with"),
    "departments": _phrases("headquarters | factories | warehouses | laboratories | data centres"),
    "largest": _phrases("largest | richest | boldest | most profitable | most valuable"),
    "company": _phrases("company | corporation | brand | employer | business"),
    "shares": _phrases("shares | profits | revenues | earnings | sales"),
    "rose": _phrases("rose | dropped | climbed | plunged | grew"),
    "boss": _phrases("chairman | chief executive | founder | board | director"),
    "crash": _phrases("crash | freeze | overheat | need updates | sell out"),
    "firm": _phrases(
        "Nordwind Systems | Bluepeak | Kestrel Mobile | Tanaka Electronics | Delta Circuits"
        " | Omnicore | Harbour Software"
    ),
    "gadget": _phrases("Aurora Nine | Lumen Tablet | Vela Watch | Orbit Speaker | Heliobook"),
    # The fruit.
    "eat": _phrases("eat | chew | peel | bite | devour | slice"),
    "eaters": _phrases("children | toddlers | hungry hikers | dentists | farmers | picnic guests"),
    "raw": _phrases("raw | for breakfast | for dessert | between meals | with honey"),
    "cook": _phrases("cook | baker | grandmother | pastry chef | housewife"),
    "bakes": _phrases("bakes | grates | stirs | mashes | chops"),
    "cuts": _phrases("cuts | peels | cores | slices | quarters"),
    "tool": _phrases("knife | peeler | corer | wooden spoon | fork"),
    "animals": _phrases("horses | goats | hedgehogs | caterpillars | wasps | worms"),
    "tastes": _phrases("tastes | smells | looks"),
    "sweet": _phrases("sweet | sour | bitter | tart | juicy | fragrant"),
    "fresh": _phrases("fresh | crisp | crunchy | mealy | delicious | ripe"),
    "orchards": _phrases("orchards | gardens | meadows | hedges | old tree | greenhouse"),
    "red": _phrases("red | green | yellow | golden | brown"),
    "season": _phrases("autumn | spring | September | October | harvest time"),
    "grass": _phrases("grass | mud | hay | wheelbarrow | puddle"),
    "sugar": _phrases("sugar | fibre | vitamins | fructose | pectin"),
    "bowl": _phrases("bowl | basket | cellar | kitchen | lunch box"),
    "skin": _phrases("skin | flesh | seeds | core | stalk"),
    "ripest": _phrases("ripest | sweetest | tastiest | roundest | juiciest"),
    "snack": _phrases("snack | dessert | breakfast | treat | refreshment"),
    "food": _phrases(
        "Waldorf salad | cinnamon crumble | plum cake | goat cheese | oat porridge | rice pudding"
        " | strudel | walnut bread"
    ),
}
