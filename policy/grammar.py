"""Plain faults of grammar that the language library passes over: crews was, you're neighborhood, more then ever.

Each pattern has one group: the faulty words. All read lower case, but for names, which are told by their capitals.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from policy import word_mixups


def _any(words: str) -> str:
    return words.replace(" ", "|")


_NOT_PLURAL = _any(
    "news series species campus bus virus census focus status chorus canvas gas atlas lens christmas texas this "
    "athletics civics plus thomas paws basics physics mathematics economics ethics politics robotics ceramics "
    "gymnastics aquatics electronics graphics headquarters dallas kansas paris always perhaps afterwards besides "
    "sometimes yes as his hers ours yours whereas thus does was is has its us means diabetes measles mumps rabies "
    "chess mass class grass glass pass access process business success address progress boss cross dress guess "
    "illness kindness wellness fitness witness moss loss press stress mess what's that's"
)
_PLURAL = rf"(?!(?:{_NOT_PLURAL})\b)[a-z]{{2,20}}[^\Wsiu']s"
_NOT_SINGULAR = _any(
    "people children men women police staff feet mice geese deer fish sheep data media alumni bacteria public jury "
    "young poor elderly majority rest few many couple team crew and or number half two three four five six seven "
    "eight nine ten eleven twelve latter other others will would can could may might must should shall cannot you we "
    "they who that which there here injured dead deaf blind "
    "sick wounded retired homeless disabled unemployed oldest youngest best worst first last next english french "
    "spanish irish dutch japanese chinese vietnamese percent family committee council board faculty choir band "
    "audience crowd group cattle folk lot pair variety hundred thousand million dozen these those it he she what more "
    "less most not also then than if all both each of to in on at for with from by"
)
_SINGULAR = rf"(?!(?:{_NOT_SINGULAR})\b)(?:[a-z]{{2,20}}[^\Ws]|[a-z]{{2,12}}ss)"
_NOT_NOUN = _any("of and year week month day weekend morning time afternoon evening summer spring fall winter one")
_NO_PREPOSITION = "".join(
    rf"(?<!{word} )"
    for word in "in of on at to by for with from near across during under about after before since all".split()  # noqa: SIM905
)
_MODIFIER = r"(?:(?!(?:of|to|in|on|at|for|with|from|by|and|or|that|who|which|we|you|they)\b)[a-z]{3,14} )?"
_BE_ONE, _BE_MANY = "was|is|has|wasn't|isn't|hasn't|doesn't|does", "are|were|have|don't|aren't|weren't|haven't"
_VERB_ONE = _any(
    "provides needs wants opens closes makes gets goes comes takes helps gives keeps runs starts begins ends costs "
    "remains requires includes offers stays grows becomes allows lives uses"
)
_VERB_MANY = (
    "begin|include|require|remain|provide|continue|become|contain|depend|allow|happen|arrive|seem|"
    r"(?:start|open|close|meet|end) (?:at|on) (?:noon|\d|[a-z]+day)|run (?:from|until)|take place|look like|serve as"
)
_ON = "on|in|at|of|near|along|from|for|with|behind|under|over|around|by"
_NUMBER = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|several|many|both|these|those"
_COUNTED = _any(
    "park book road lane street tree dog cat event class library pool trail resident volunteer neighbor house home "
    "truck crew child person ticket seat winner prize game concert movie artist vendor booth bus bike kid student "
    "teacher officer firefighter business project location meeting bridge hydrant pothole signal bag cart bottle "
    "plant flower pet puppy kitten visitor guest tip reason station store shop restaurant playground session lesson "
    "workshop program bench fountain building"
)
_COUNTED_MANY = _any(
    "people cars residents visitors trees calls trips accidents crashes potholes complaints kids dogs bags items "
    "books events classes trucks bikes seats spots spaces children students volunteers officers homes houses cats "
    "pets tickets signs lanes meetings questions mistakes errors cases deaths injuries fires crimes leaks weeds "
    "mosquitoes drivers neighbors families vehicles steps"
)
_MEASURES = _any(
    "dollars miles weeks hours days minutes years pounds gallons inches months acres degrees cents blocks laps thirds"
)
"""Ten dollars is the fee."""
_CLAUSES = (
    rf"(?:(?:the|our|all|these|those|many|some|most|both|your|their) |(?!(?:[a-z]+ )?(?:{_MEASURES})\b)){_MODIFIER}{_PLURAL} "
    rf"({_BE_ONE})\b(?! that)",
    rf"(?:(?:the|our|all|these|those|many|some|most|both|your|their) ){_MODIFIER}{_PLURAL} ({_VERB_ONE})\b",
    rf"{_PLURAL} ({_VERB_ONE}) (?:to|a|the|our|us|you|at|in|on|for|up|your|shade)\b",
    rf"(?:the|a|an|this|that|each|every|our|your) {_MODIFIER}{_SINGULAR} ({_BE_MANY})\b",
    rf"(?:the|a|an|this|that|each|every|our|your) (?!late|early|soft|grand|new)(?:{_SINGULAR} ){{1,2}}({_VERB_MANY})\b",
    rf"(?:the|our|these|those|all) {_MODIFIER}{_PLURAL} (?:{_ON}) (?:(?:the|our|this|that|a|your|main|city) )?"
    rf"(?!which|whom|that)[a-z]+ (?:(?!that|which|who|and)[a-z]+ )?({_BE_ONE})\b(?! that)",
    rf"(?:the|a|this|that|our|your) {_MODIFIER}(?!(?:kind|sort|type|range|set|handful|host|series|total|combination|"
    rf"collection|mix|"
    rf"combo|array|string|network|dozen|fleet|squad|bunch|panel|army|flock|herd|pack)\b){_SINGULAR} (?:of|on|at|for|"
    rf"with|near) "
    rf"(?:(?:the|our|these|all|its|your) )?{_MODIFIER}{_PLURAL} ({_BE_MANY})\b",
    rf"(?:the|our) [a-z]+ and (?:the|our|its) [a-z]+ ({_BE_ONE})\b",
    r"(?:the|this|our) (?:bus|campus|virus|census|focus|status|class|glass|grass|gas|process|business|address) (don't|"
    r"are|were|have)\b",
    r"(?:each|every) [a-z]+[^\Ws] (need|want|require|pay|get|have|are|were)\b",
    rf"(?:each|either|neither|one|every one) of (?:the|our|these|those|its|their|your) {_MODIFIER}[a-z]+s "
    rf"(?:(?:{_ON}) (?:the |our )?[a-z]+ (?:(?!is|was|has)[a-z]+ )?)?({_BE_MANY})\b",
    rf"(?:each|either|neither|one|every one) of (?:the|our|these|those|its|their|your) {_MODIFIER}[a-z]+s "
    r"(need|want|get|take|make|open|close)\b",
    rf"(?:everyone|everybody|someone|somebody|nobody|no one|everything|something|nothing) ({_BE_MANY}|need|want)\b",
    r"(?:he|she|it) (don't|have|were|are|do|need|want)\b",
    rf"(?:we|they|you) ({_BE_ONE})\b",
    r"i (has|is|are|was went)\b",
    r"(its) (?:time|been|too|not|going|never|always|almost|hot|cold|free|fun|here|back|raining|snowing|finally|"
    r"official|easy|okay)\b"
    r"(?! (?:of|lane|line|app|run|house))",
    r"(there) (?:going|coming|looking|trying|not|working|making|getting|doing|ready to|here to|all (?:out|here|gone))\b",
    r"(whose) (?:coming|going|ready|up for|looking|hungry|excited|with us)\b",
    r"(who's) [a-z]+ (?:is|are|was) (?:this|that|these|it|yours)\b",
    r"(were) (?:excited|happy|proud|hiring|thrilled|looking for|going to|here (?:to|for)|back|sorry to|celebrating|"
    r"hosting|kicking)\b",
    r"(lets) (?!kids|you|us|residents|visitors|people|children|users|dogs|everyone|riders|drivers|them|him|her|it|"
    r"patrons)[a-z]+\b",
    r"(them) [a-z]+s (?:are|is|need|were|was|look)\b",
    r"(me and) (?:the|my|our|your|[a-z]+) (?:[a-z]+ )?(?:will|are|is|were|went|want|can|had|have|love|saw)\b",
    r"(?:we|they) (hiring|looking|going|coming|planning|hoping|asking|celebrating)\b",
    r"([a-z]{3,14}'s) (?:are|were|have been) (?:welcome|not|open|closed|allowed|invited|free|available|required|on|in|"
    r"at|out)\b",
)
_ANYWHERE = (
    rf"{_NO_PREPOSITION}(?:this|each|every) (?!(?:{_NOT_NOUN})\b)[a-z]{{3,20}}[^\Ws] (are|were|have)\b",
    r"(?:list|schedule|map|set|cost|price|goal|purpose|deadline|box|bag|stack|(?<=the )number) of (?:the |our |new |"
    r"all )?(?:[a-z]+ )?[a-z]+s "
    r"(are|were|have)\b",
    r"(?:each|one|neither|either) of (?:the|our|these|those|its) (?:[a-z]+ )?[a-z]+s (are|were|have)\b",
    rf"(?:a lot|lots|plenty|dozens|hundreds|thousands|many|several|most|both) of (?:the |our |these )?{_PLURAL} "
    rf"({_BE_ONE})\b",
    rf"a number of {_PLURAL} ({_BE_ONE})\b",
    rf"(?:(?:there|here) (?:is|was)|(?:there|here)'s) (?:also |still |only |now |about |over |at least )?"
    rf"((?:two|three|four|five|six|seven|eight|nine|ten|\d{{1,3}}|several|many|few|lots of|plenty of) (?:[a-z]+ "
    rf"){{0,2}}{_PLURAL})\b",
    r"there (are|were) an? (?!few|lot|number|couple|handful|dozen|variety|hundred|thousand|million|great|wide|good|"
    r"total|bunch|host|"
    r"range|series|ton|plethora|myriad|wealth|pair|set|limited|small|growing|large|whole|half|quarter|record|combined|"
    r"minimum|maximum)",
    rf"(?:the|our|with|and|have|has|of|for|added|opened|all) ({_NUMBER}) (?:new |more |free |old |great |other |big |"
    rf"small |local )?"
    rf"(?:{_COUNTED}) (?:are|were|have|opened|came|will be|is|was|has|in|on|at|near|that|who|need)\b",
    rf"(?<![a-z] )(?:{_NUMBER}) (?:new |more |free |old |great |other |big |small |local |young )?({_COUNTED}) "
    r"(?:are|were|have|opened|came|will be|is|was|has|in|on|at|near|that|who|need)\b",
    r"(this) (?:events|classes|trees|roads|streets|parks|dogs|cats|rules|kids|trails|projects|improvements|meetings|"
    r"closures|repairs|"
    r"people|children|tips|weeks|months|years|animals|volunteers|crews|items|lanes)\b",
    rf"(these|those) (?:{_COUNTED}) (?:is|are|was|were|has|have|will|on|in|at)\b",
    r"(a) (?:[a-z]{3,10} )?(?:trees|dogs|cats|events|parks|roads|streets|books|cars|children|men|women|lanes|trails|"
    r"homes|houses)"
    r" (?:fell|is|are|was|were|has|have|will|can)\b(?<!few)",
    rf"(less) (?:{_COUNTED_MANY})\b",
    rf"(amount) of (?:{_COUNTED_MANY})\b",
    rf"(?:how|too|so|as|very) (much) (?:{_COUNTED_MANY})\b",
    r"(?:too|so|how|as) (many) (?:water|traffic|noise|trash|mail|rain|snow|money|time|information|homework|parking|"
    r"heat|dirt|fun)\b",
    r"(?:has|have|had) (went|ran|came|began|drove|wrote|gave|took|saw|did|broke|chose|ate|knew|grew|fell|spoke|became|"
    r"drank|swam)\b",
    r"(?<!have )(?<!had )(?<!has )(?<!'ve )(?:we|they|he|she|you|i|crews) (seen|done|gone|taken|written|given|eaten|"
    r"driven|begun|chosen)\b",
    r"(?:must|would|could|should|might|cannot|to not|shouldn't|couldn't|wouldn't) (came|went|began|saw|took|gave|drove|"
    r"wrote|broke|"
    r"chose|knew|grew|ate|fell|was|were|made|got|kept|told|held|brought|bought|built|sent|been|opened|closed|needed|"
    r"wanted|called)\b",
    r"(?:doesn't|don't|didn't|does not|do not|did not) (?:[a-z]+ly )?(has|had|was|were|is|are|went|came|saw|knew|got|"
    r"made|opened|closed|"
    r"worked|needed|wanted|goes|comes|needs|wants|works|opens|closes|makes)\b",
    r"(?:want|wants|need|needs|plan|plans|going|like|able|ready|hope|hopes|try|trying) to (came|went|saw|gave|took|"
    r"opened|closed|helped|"
    r"announced|celebrated|celebrates|opens|helps|makes|goes|gets|takes|sees|shares|is|are|was|were|thanks|welcomes|"
    r"reminds|invites)\b",
    r"(?:will|must|should|could|would) (opens|closes|starts|begins|ends|comes|goes|gets|makes|takes|needs|wants|helps|"
    r"includes|features|"
    r"offers|provides|hosts|celebrates|meets|runs)\b",
    r"an? (lots)\b(?! (?:more|of land))",
    r"(?:would|should|could|might) (of)\b(?! course)",
    r"(?:will be|has been|have been|is|are|was|were|be) (close) (?:on|for|until|from|due|today|tomorrow|tonight|"
    r"through|all day|during|"
    r"[a-z]+day|this (?:week|weekend|morning|afternoon|evening|[a-z]+day)|next (?:week|[a-z]+day)|at \d)\b",
    r"(?:will be|has been|have been|is|are|was|were|be|been) (cancel|postpone|reopen|reschedule|announce|require|"
    r"provide|serve|accept|"
    r"allow|locate|extend|replace|pave|invite|expect|suppose)\b",
    r"(?:going|able|ought|supposed|wants?|hoping|planning|trying) (be|see|get|make|become|announce|learn|visit|"
    r"register|attend)\b",
    r"look(?:ing|s)? forward to (see|meet|hear|work|have|be|welcome|serve|join|celebrate|open)\b",
    r"(?:thanks|thank you) for (come|be|join|attend|read|keep|make|participate|volunteer)\b(?! (?:up|hours))",
    r"in (need) an?\b",
    r"(?:we|they|it|there|city|he|she|town|library|kids) (use to) (?:be|have|live|stand|say|look|play|call)\b",
    r"(most) (?:biggest|best|oldest|largest|fastest|newest|easiest|busiest|highest|longest|greatest|safest|happiest|"
    r"hottest|coldest)\b",
    r"(more) (?:bigger|better|older|larger|faster|newer|easier|busier|higher|longer|greater|safer|happier|hotter|"
    r"colder|cheaper|smaller)\b",
    r"(?:don't|doesn't|didn't|haven't|isn't|aren't|won't|can't) (?:have |has |need |want |see |know |got |get |allow |"
    r"cost )?"
    r"(no|nothing|nobody|none|nowhere) (?!to\b|for\b|more\b|matter\b|doubt\b|longer\b|one\b)",
    r"(?:nobody|no one|nothing) (didn't|don't|doesn't|can't|won't|isn't)\b",
    r"(?:can't|couldn't|don't|didn't) (hardly|barely|scarcely)\b",
    r"[a-z]+ ((?:start|open|close|begin|end|need|want|come|make|say|help|meet|cost)'s) (?:at|on|in|to|for|a|the|with|"
    r"until|up|from|\d)",
    r"(?:on|open|closed|every|and) ((?:mon|tues|wednes|thurs|fri|satur|sun)day's)(?= (?:and|from|at|in|through)\b|"
    r"[.,!?;]|$)",
    r"((?:your|her|our|their)'s|its'|hisself|theirself|theirselves|themself|irregardless|alot|for all intensive purposes)",
    r"(informations|advices|equipments|furnitures|luggages|feedbacks|homeworks|staffs are)\b",
    r"(since) (?:two|three|four|five|six|ten|\d+) (?:days|weeks|months|years|hours)\b(?! ago)",
    r"between (?:\d{1,2}(?::\d\d)?|noon|midnight)(?: [ap]\.?m\.?)? (to) (?:\d|noon|midnight)",
    r"from \d{1,2}(?::\d\d)?(?: [ap]\.?m\.?)? (and) \d{1,2}(?::\d\d)?(?: [ap]\.?m|[.,])",
    r"neither (?:[a-z]+ ){1,3}(or)\b",
    r"either (?:[a-z]+ ){1,3}(nor)\b",
    r"(?:between|for|with|from) (?:you|him|her|them|[a-z]+) and (i)(?= |[.,!?]|$)(?! [a-z]+ )",
    r"one of (?:the|our) (?:(?:oldest|newest|best|largest|biggest|busiest|first|most [a-z]+) )?"
    rf"({_COUNTED})(?= (?:in|is|was|that|we|to|on|at)\b|[.,!?])",
    *word_mixups.PATTERNS,
)
_AT_CLAUSE = re.compile("|".join(_CLAUSES))
_IN_TEXT = re.compile(rf"(?<![\w'-])(?:{'|'.join(_ANYWHERE)})")
_START = re.compile(r"(?:^|[.!?:]\s+|\n|, (?:and|but|so) |(?:because|that|when) (?=it |he |she |they |we |you |i ))")
_NAMES = re.compile(
    _any(
        "jones james rogers peters collins hopkins adams harris evans edwards phillips daniels matthews andrews richards "
        "roberts waters woods brooks gates banks wells fields rivers summers burns hayes hughes powers parsons stevens mills "
        "rhodes reeves charles francis lucas"
    )
)
"""Names that are words, too."""
_PLACED = re.compile(r" (?:on|in|at|near|along) (?:the )?[A-Z][\w ]*$")
_OF_NAME = re.compile(r" of [A-Z]")


def faults(text: str, is_word: Callable[[str], bool]) -> Iterator[tuple[int, int]]:
    """Where the faulty words stand. `is_word` knows words in lower case: others at the start of a sentence are names."""
    lower = text.lower() if len(text.lower()) == len(text) else "".join(char.lower()[:1] for char in text)
    for start in _START.finditer(lower):
        found = _AT_CLAUSE.match(lower, start.end())
        if found and not _is_name(text[found.start() : _fault(found)[0]].split(), is_word):
            yield _fault(found)
    yield from (_fault(found) for found in _IN_TEXT.finditer(lower))


def _fault(found: re.Match[str]) -> tuple[int, int]:
    return found.span(found.lastindex or 0)


def _is_name(subject: list[str], is_word: Callable[[str], bool]) -> bool:
    """True when the subject is a name: capital letters say so, but for where something is; or it is a usual name."""
    if len(subject) == 1:
        word = subject[0]
        return (
            (word.isupper() and len(word) > 1)
            or bool(_NAMES.fullmatch(word.lower()))
            or not (len(word) == 1 or is_word(word.lower()))
        )
    words = " ".join(subject)
    return bool(subject) and not _PLACED.search(words) and (subject[-1][:1].isupper() or bool(_OF_NAME.search(words)))
