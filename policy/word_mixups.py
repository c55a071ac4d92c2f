"""Words that are taken for others that sound like them: your invited, more then ever, in are parks.

Each pattern has one group, the wrong word, and reads lower case.
"""

from __future__ import annotations

_ING_NOUN = (
    "building|parking|meeting|hearing|reading|wedding|training|setting|listing|heading|ceiling|filing|clothing|housing|"
    "spelling|crossing|"
    "opening|rating|feeling|sibling|landing|evening|morning|plumbing|wiring|lighting|heating|fencing|roofing|booking|"
    "billing|gathering|"
    "greeting|painting|recycling|swing|standing|string|ring|spring|thing|king|wing|being|king|offspring|earring|cooking"
)
_YOURS = (
    "neighborhood|library|yard|trash|bill|home|house|family|pets?|dogs?|cats?|water|street|child|children|kids|car|"
    "city|questions?|ideas?|"
    "feedback|vote|calendars?|seat|spot|own|name|address|permit|lawn|cart|friends|account|phone|patience|time|help|"
    "support|cooperation|"
    "understanding|input|comments?|council|community|park|bike|helmet|chair|mask|tickets?"
)
_TO_WHOM = "for|of|in|with|take|bring|on|to|from|use|leave|park|call|check|clean|water|lock|charge|share|enjoy|about|at"
PATTERNS = (
    # your, you're, you
    r"(your) (?:invited|welcome (?:to|at|!)|not(?!-)|never(?!-)|always(?!-)|already|an? (?!k\b)|the|able to|going(?! "
    r"rate)|eligible|encouraged|"
    r"in luck|in for|all invited|looking (?:for|to|at)|interested|new (?:to|here)|done(?! with)|supposed to|free to|"
    r"sure to|ready (?:to|for)|"
    r"at risk|out of|still|about to|too |so (?!called)|probably|unable|over \d|under \d)",
    rf"(?:if|when|while|once|until|because|since|that|as|whether|unless|think|know|hope|sure) (your) "
    rf"(?!(?:{_ING_NOUN})\b)[a-z]+ing "
    r"(?:the|an?|to|at|in|on|for|your|our|out|from|with|by|there|home|outside|up|this|that|here)\b",
    rf"(you're) (?:{_YOURS})\b(?! free)",
    rf"(?:{_TO_WHOM}) (you) (?:{_YOURS})\b(?! (?:lovers|owners|people|walkers))",
    r"(you're) (?:first|last|next|best|only|chance) (?:visit|time|chance|stop|day|trip|week|name|guess|to)\b(?! (?:in "
    r"line|up))",
    # their, there, they're
    r"(theirs) (?:no|an?|the|nothing|something|still|plenty|room)\b",
    r"(their) (?:is|are|was|were|will be|has been|have been|isn't|aren't)\b",
    r"(?:off|with|in|of|for|from|bring|about|on|put|leave|share|at|all|take|enjoy|into|walk|lost|keep|find|visit) "
    r"(they're) [a-z]+\b",
    r"(there|they're) (?:new|own|annual|first|last) (?:hours|homes?|way|pets?|kids|yards?|dogs?|office|names?|children|"
    r"parents|event|park)\b",
    r"(?:of|with|for|to|from|bring|brought|lost|keep|leash|share|use|wash|clean|water|feed|walk|and|on|at) (there) "
    r"(?:own|homes?|pets?|kids|"
    r"yards?|dogs?|bills?|names?|neighbors?|children|cars?|families|parents|seats|best)\b",
    # its, it's; who's, whose
    r"(?:of|in|for|from|with|on|at|to|by|has|opened|reopened|celebrates?|celebrating|moved|changed|lost|finished|marks|"
    r"updated|extended|"
    r"under|during|into|closes|opens|shares|welcomes|keeps|holds|of all) (it's) (?!an?\b|the\b|not\b|too\b|so\b|only\b|"
    r"still\b|just\b|all\b)"
    r"[a-z]+",
    r"(it's) (?:own|doors|hours|banks|name|members|employees|staff|history|parks|residents|users|founders?|birthday|"
    r"anniversary|mission)\b",
    r"(?<!take )(?<!takes )(?<!taking )(?<!took )(?<!for )(?<!of )(its) (?:an?|the|not|been|going to|raining|snowing|"
    r"okay to|important to|"
    r"hard to|easy to|safe to|great to|that time|because)\b",
    r"(who's) (?:dog|cat|car|house|turn|name|child|yard|idea|job|bike|art|backpack|keys|book|team|birthday|work|story)\b",
    # then, than; to, too, two
    r"(?:more|less|better|later|earlier|fewer|rather|other|larger|older|bigger|faster|higher|lower|longer|sooner|"
    r"warmer|colder|smaller|easier|"
    r"safer|stronger|worse|greater|closer|hotter|cheaper|busier|younger) (?:\w+ )?(then) (?:\d|ever|any|the|an?|last|"
    r"you|we|usual|expected|"
    r"normal|one|two|half|our|your|before|it|they|most|all)\b",
    r"(?:and|but|since|until|back|now and|by|only) (than)(?: we| you| turn| go| walk|,|\.| the| it)\b",
    r"(?:is|are|was|were|be|been|it's|its|way|far|never|gets?|getting|got|seems?|looks?|feels?|not) (to) (?:many|much|"
    r"late|early|soon|often|"
    r"few|big|small|hot|cold|old|young|high|low|fast|slow|long|short|loud|far|deep|dry|wet|hard|tired|busy|"
    r"crowded)\b(?! (?:lake|school|street))",
    r"(?:need|needs|have|has|had|see|seen) (to) (?:many|much) [a-z]+",
    r"(?:kids|dogs?|family|friends|pets?|parents|neighbors|adults|seniors|children|teens) (to)(?=[.!])",
    r"(?:going|want|wants|need|needs|how|like|come|welcome|back|next|due) (two) (?:the|be|go|see|get|make|register|"
    r"help|join|our|us|you)\b",
    r"[a-z]+ (too) (?:the|our|your|be|see|get)\b",
    # one that sounds like the other
    r"(?:don't|not|to|will|may|might|could|can|you'll|never|cannot) (loose)\b(?! (?:dogs?|leash|leaves|change|dirt|"
    r"soil|ends))",
    r"(?:to|will|may|could|can|would|not|be|been) (effect)(?:ed)?\b(?! change| on)",
    r"(?:weather|rain|storm|closures?|outages?|construction|work|delays?|changes?|traffic|heat|drought) (effected|"
    r"effects) (?:the|our|your|all|"
    r"most|some|traffic|service|many)\b",
    r"(?:an|the|no|any|into|take|takes|side|positive|negative|big) (affects?)\b(?! (?:of light|display))",
    r"(?:please|be|stay|keep|very|so) (quite)(?: in| please| during| time| zone|[.,!])",
    r"(quite) (?:hours|zone|room|street|please|time)\b(?! of)",
    r"(?:we|they|will|now|can|cannot|to|not|gladly|happily|also) (except) (?:cash|cards?|checks|credit|donations?|"
    r"applications?|payments?|all|"
    r"your|new|any)\b",
    r"(?:everyone|all|daily|day|week|open|closed) (accept) (?:for|mondays?|sundays?|holidays?|when|the|christmas)\b",
    r"(?:please|we|to|will|must|crews|doctors) (advice) (?:you|residents|drivers|that|the|against|people)\b",
    r"(?:some|good|free|expert|legal|our|best|helpful|gardening|medical|for|of) (advise)\b",
    r"(?:to|can't|hard to|easier to|and|or|you) (breath)\b(?! of|work|test|easy|mint)",
    r"(?:deep|a|your|every) (breathe)\b",
    r"(?:drive|drove|walk|walked|go|goes|went|run|runs|ran|right|get|bike|half|just|way) (passed) (?:the|our|your|that|"
    r"noon|midnight|it|\d)",
    r"in the (passed)\b",
    r"(?:has|have) (past)(?: away| by|\.|,| since)",
    r"(past) away\b",
    r"(?:to|can|could|you'll|let us|want to|glad to|please) (here) (?:from|your|about|what|more|our|how|the (?:band|"
    r"music|mayor|plan|news|choir))\b",
    r"(?:come|right|over|out|get|we're|not|live|been) (hear)(?=[.,!]| to | at | on | and | for )",
    r"(?:let us|let me|you|didn't|don't|do you|did you|everyone|to|we|should|want to|need to) (no) (?:if|that|what|how|"
    r"when|where|why|about|before)"
    r"\b",
    r"(?:there's|there is|there was|has|have|at|in|with) (know) (?:cost|charge|fee|need|parking|way|time|school|longer)\b",
    r"(?:we|they|who|nobody|everyone|you) (new) (?:that|it|how|what|about)\b",
    r"(?:to|in|at|of|from|with|by|through|visit|join|enjoy|love|thank|support|near) (are) (?:new|own|city|parks?|"
    r"library|libraries|website|town|"
    r"community|streets?|trails?|friends|neighbors?|team|staff|crews?|pools?|schools?|first responders|volunteers?|"
    r"page|app|offices?|local|annual|"
    r"next|upcoming|first|second|summer|winter|downtown|shelter|seniors|kids|youth|veterans|center|centers|museum|"
    r"residents|officers|mayor)\b",
    r"(?:you|we|they|there|residents|crews|streets|these|those) (our) (?:not|now|open|closed|invited|welcome|going|"
    r"working|coming|looking|excited|"
    r"encouraged|asked|able|in|on|at|here|proud|hiring|happy|still|all|so|also|currently)\b",
    r"(?:we|they|there|crews|roads|streets|who) (where)\b(?! (?:to|you|the|we|it|they|he|she|there|that|this|our|your)\b)",
    r"(?:know|find out|learn|wondering|guess|decide|remember) (were) (?:to|the|you|we|your|it|our|that)\b",
    r"(where) (?:a|your) (?:helmet|mask|hat|coat|seat ?belt|sunscreen|life jacket|costume|vest|gloves|shoes)\b",
    r"(whether) (?:is|permitting|forecast|alerts?|service|update|conditions|radio|sirens?|delays?)\b",
    r"(weather) (?:or not|you(?:'re| are| need| want| have)|to (?:go|drive|stay|water|walk))\b",
    r"(?:take a|lunch|spring|winter|main|summer|coffee) (brake)\b(?! lights?| pads?| jobs?| checks?| line| fluid| "
    r"inspections?| service)",
    r"(breaks?) (?:lights?|pads?|fluid)\b",
    r"(?:stop|come|drop|swing|sponsored|hosted|led|built) (buy)\b(?! (?:a|an|your|the|one|some)\b)",
    r"(?:to|can|will|please) (by) (?:an?|tickets?|your|some) [a-z]+",
    r"(?:city|town|school|youth) (counsel)\b",
    r"legal (council)\b",
    r"(?:was|were|is|are|be|been|being) (lead) by\b",
    r"(?:school|vice|assistant|our new) (principle)\b",
    r"(?:for|and) (desert)(?=[.,!]| table| bar| after)",
    r"(desert) (?:table|bar|contest|recipes?|menu|buffet)\b",
    r"(peace) of (?:cake|pie|pizza|paper|art|history|furniture|land|equipment)\b",
    r"(piece) (?:of mind|and quiet)\b",
    r"(?:web|job|construction|camp|on) (sight)\b(?! and)",
    r"(site) ?seeing\b",
    r"(?:plays?|a key|a big|an important|a leading|a vital|a) (roll) (?:in (?:the|our|keeping|making|helping)|as)\b",
    r"(?:open|closed|daily|free|here|meets?|runs?|available|walk|read|water|swim|happens?|us|you|and) (everyday)\b(?! "
    r"(?:items?|life|objects?|heroes?|"
    r"people|use|things|essentials|needs|wear|tasks?|world|folks))",
    r"(everyday) (?:from|at|except|but|until|through|in|this|next|during)\b",
    r"(?:not|we are|are|i'm|we're|so) (exited) (?:to|about|for|that)\b",
)
"""What is confused with what, with the words beside it that tell."""
