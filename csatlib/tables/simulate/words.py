"""What customers write: clause banks by theme, tone and language, joined into varied comments."""

import numpy as np

THEMES = ("field", "hotline", "staff", "shop", "billing", "network", "care", "price", "app")

ENGLISH = {
    "field": (
        (
            "the technician came {days} days later than agreed",
            "I waited at home all {weekday} and nobody showed up",
            "my repair was moved {times} times without asking me",
            "the line is still not fixed after {times} visits",
            "nobody could tell me when the technician would come",
            "they promised {weekday} and came a week later",
            "I took a day off work for an appointment that was cancelled by text",
            "the installation had to be done twice",
            "it took {days} days to get someone to look at the router",
        ),
        (
            "the visit was all right in the end",
            "the technician was fine, the waiting was not",
            "the repair took a second visit but it works now",
            "the appointment window was rather long",
        ),
        (
            "the technician came exactly on time",
            "the repair was done in one short visit",
            "the engineer explained everything and left no mess",
            "the installation was quick and worked at once",
            "they called before coming and kept to the hour",
            "the fault was found and fixed within {minutes} minutes",
        ),
    ),
    "hotline": (
        (
            "I was on hold for {minutes} minutes",
            "the hotline passed me on {times} times",
            "nobody called me back as promised",
            "I had to explain the same problem {times} times",
            "the chat robot keeps going round in circles",
            "every time I call I get a different answer",
            "the line went dead after {minutes} minutes of music",
            "they closed my case although nothing was solved",
        ),
        (
            "the hotline was helpful once I got through",
            "waiting times are acceptable, not more",
            "the chat answered half of my question",
            "I got an answer on the second call",
        ),
        (
            "the hotline answered within a minute",
            "my question was solved in one call",
            "they called back when they said they would",
            "the person on the phone stayed until it worked",
            "the chat sorted it out in {minutes} minutes",
            "I never have to wait long on the phone",
        ),
    ),
    "staff": (
        (
            "the person I spoke to did not know the tariff",
            "I was made to feel that I am a nuisance",
            "one colleague contradicts the other",
            "the adviser read from a script and did not listen",
            "nobody took responsibility for my case",
            "I did not get a straight answer from anyone",
        ),
        (
            "staff are polite but cannot decide anything",
            "it depends on whom you get",
            "the advice was correct, if a bit short",
        ),
        (
            "everyone I dealt with was friendly",
            "staff clearly know what they are talking about",
            "the young man who helped me was very patient",
            "I felt in good hands from the start",
            "they admitted the mistake and put it right",
            "people here are courteous every time",
        ),
    ),
    "shop": (
        (
            "the shop had one person for a dozen customers",
            "I queued {minutes} minutes in the shop to hand back a router",
            "the shop in town closes too early for working people",
            "they sent me from the shop back to the hotline",
            "the demo phones were all switched off",
        ),
        (
            "the shop is fine but often crowded",
            "the shop could help with half of it",
            "opening hours could be longer on Saturdays",
        ),
        (
            "the shop is bright and well run",
            "I like that there is still a shop I can walk into",
            "they set up my new phone in the shop for free",
            "the shop staff remembered me from last time",
            "I was served within {minutes} minutes on a Saturday",
        ),
    ),
    "billing": (
        (
            "my bill was wrong {times} times in a row",
            "I was charged for an option I had cancelled",
            "nobody can explain the second page of the bill",
            "the refund has not arrived after {days} days",
            "the bill shows three prices for one tariff",
            "I got a reminder for a bill I had paid",
        ),
        (
            "the bill is correct but hard to read",
            "it took two letters to correct the bill",
            "I would like the bill a few days earlier",
        ),
        (
            "the bill is clear and has always been correct",
            "I understand every line of my bill",
            "a mistake on the bill was corrected the same day",
            "the bill in the app is easy to check",
            "the direct debit has never gone wrong",
        ),
    ),
    "network": (
        (
            "the internet drops out every evening",
            "there is no mobile signal in my kitchen",
            "I pay for 250 and get {minutes}",
            "the connection failed {times} times this month",
            "video calls freeze whenever it rains",
            "the outage map says all is well when nothing works",
        ),
        (
            "the connection is mostly stable",
            "speed is fine in the morning and slow at night",
            "mobile coverage is good in town, poor outside",
        ),
        (
            "the connection is fast and never fails",
            "I have full speed even in the evening",
            "coverage is better than with my old provider",
            "the new router reaches every room",
            "not one outage in the last {times} months",
        ),
    ),
    "care": (
        (
            "I am just a number to this company",
            "new customers get the good offers, loyal ones get nothing",
            "they sold me more than I need",
            "nobody asked what I actually use",
            "after {times} years I expected more than a standard letter",
            "the offer did not fit an elderly couple at all",
        ),
        (
            "the advice was general rather than personal",
            "they listen, but the offers are the same for everyone",
            "a yearly check of my tariff would be nice",
        ),
        (
            "they found me a cheaper plan without being asked",
            "someone called to see whether everything worked",
            "they take time for older customers",
            "the offer fitted exactly what I use",
            "I feel looked after",
        ),
    ),
    "price": (
        (
            "it has become too expensive for what I get",
            "the price went up again without warning",
            "my neighbour pays less for more elsewhere",
            "the contract runs far too long",
            "there are hidden costs for the router",
        ),
        (
            "the price is in order, not a bargain",
            "other providers cost about the same",
            "I would pay a little less for a little less",
        ),
        (
            "good value for the money",
            "a fair price and no surprises",
            "the bundle saves me {minutes} euros a month",
            "I checked other offers and stayed",
        ),
    ),
    "app": (
        (
            "the app logs me out every time",
            "I could not change my address in the app",
            "the web site sends me in circles",
            "the app shows last month's data volume",
        ),
        (
            "the app does the basics",
            "the web site is good once you know your way",
            "I use the app only for the data volume",
        ),
        (
            "I can do everything in the app",
            "the app is quick and clear",
            "changing my plan online took {minutes} minutes",
            "the web site answers most questions",
        ),
    ),
}

CHINESE = {
    "field": (
        (
            "约好的时间师傅没来，白等了一天",
            "装机拖了{days}天",
            "维修改期{times}次，没人提前通知",
            "上门{times}次还没修好",
            "问了几次都说不清师傅什么时候到",
        ),
        ("师傅人不错，就是等得久", "第二次上门才弄好", "预约时间段太宽"),
        ("师傅准时上门", "一次就修好了", "装机很快，讲解也清楚", "来之前先打了电话，很守时"),
    ),
    "hotline": (
        ("热线等了{minutes}分钟", "电话转来转去{times}次", "说好回电却一直没有", "同一个问题讲了{times}遍"),
        ("打通以后态度还可以", "等待时间一般", "打了两次才解决"),
        ("热线很快接通", "一个电话就解决了问题", "说好回电就真的回了", "在线客服几分钟就处理好了"),
    ),
    "staff": (
        ("客服不清楚自己的套餐", "几个人说法不一样", "没有人愿意负责", "感觉在照着稿子念"),
        ("态度客气，但做不了主", "要看碰到哪位员工"),
        ("员工很有耐心", "工作人员很专业", "每次都很有礼貌", "有错就认，马上改正"),
    ),
    "shop": (
        ("营业厅人手太少，排队{minutes}分钟", "门店关门太早，下班赶不上", "门店又让我打热线"),
        ("门店还行，就是人多", "周末营业时间可以再长一点"),
        ("门店明亮整洁", "在门店帮我设置好了新手机", "周六去也不用久等"),
    ),
    "billing": (
        ("账单连着错了{times}次", "取消的业务还在扣费", "账单看不懂", "退款{days}天还没到"),
        ("账单没错，但不好看懂", "写了两次信才改过来"),
        ("账单清楚，从没出错", "每一项费用都明白", "账单有误当天就更正了"),
    ),
    "network": (
        ("晚上经常断网", "家里手机信号很差", "这个月断了{times}次", "网速达不到说好的"),
        ("网络基本稳定", "城里信号好，郊外差一些"),
        ("网速快，很稳定", "晚高峰也不卡", "信号比以前的运营商好"),
    ),
    "care": (
        ("老用户没有优惠", "推荐的套餐不适合我", "没有人问过我真正的需要", "感觉只是一个号码"),
        ("建议比较笼统", "希望每年帮忙看一次套餐"),
        ("主动帮我换了更便宜的套餐", "会打电话来问用得怎么样", "对老人很照顾"),
    ),
    "price": (
        ("价格越来越贵", "又涨价了，没有通知", "合同期太长"),
        ("价格还算合理", "和别家差不多"),
        ("性价比高", "价格公道，没有乱收费"),
    ),
    "app": (
        ("App老是要重新登录", "网上改地址改不了"),
        ("App够用", "熟悉以后还算方便"),
        ("App什么都能办", "网上换套餐很方便"),
    ),
}

BANKS = {"en": ENGLISH, "zh": CHINESE}
JOIN = {
    "en": {
        "same": (", and ", ". Also, ", "; ", ". "),
        "turn": (", but ", ". On the other hand, ", "; still, "),
    },
    "zh": {"same": ("，", "，而且", "；", "。另外，"), "turn": ("，不过", "，但是", "。好在", "；可是")},
}
TURN_DOWN = {"zh": ("，不过", "，但是", "；可是", "。只是")}
OPENING = {
    "en": (
        "To be honest: ",
        "In short: ",
        "As a long-standing customer: ",
        "Well, ",
        "- ",
        "Service < price: ",
    ),
    "zh": ("说实话，", "总的来说，", "作为老用户，", "简单说，"),
}
CLOSING = {
    "en": (
        (
            "Please do something about it.",
            "I am looking at other providers.",
            "Disappointing.",
            "Sort it out!",
        ),
        ("Could be better.", "Let us see.", "That is all.", "Thank you."),
        ("Keep it up.", "I am happy to recommend you.", "Thank you!", "Very satisfied."),
    ),
    "zh": (
        ("请尽快改进。", "正在考虑换一家。", "很失望。"),
        ("还有提升空间。", "先这样吧。"),
        ("继续保持！", "会推荐给朋友。", "谢谢！"),
    ),
}
CONTACT_ME = {
    "en": (
        "Please call me on 07700 900{three}.",
        "My number is +44 7700 900{three}.",
        "Write to {name}.{three}@example.com.",
        "You can reach me at {name}@example.org",
    ),
    "zh": ("请回电 138 0013 8000。", "我的邮箱是 {name}{three}@example.com", "电话13800138000，晚上都在。"),
}
NAMES = ("anna", "li.wei", "m.keller", "sofia", "j.novak", "zhang.min", "p.haas", "tom.b")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")


def tone(score: float) -> int:
    """Negative (0), mixed (1) or positive (2) from a score of 1 to 7.

    Examples
    --------
    >>> [tone(s) for s in (2, 4.8, 6)]
    [0, 1, 2]
    """
    return 0 if score < 4 else 1 if score < 5.3 else 2


def comment(u: np.ndarray, language: str, themes: tuple[str, ...], tones: tuple[int, ...]) -> str:
    """Join one clause per theme into a comment.

    Parameters
    ----------
    u : ndarray, shape (12,)
        Uniform random numbers that make every choice.
    language : {"en", "zh"}
        Language of the banks.
    themes : tuple of str
        One or two of `THEMES`, in the order in which they are mentioned.
    tones : tuple of int
        Tone of each theme, see `tone`.

    Returns
    -------
    str
        One line of text.

    Examples
    --------
    >>> comment(np.full(12, 0.5), "en", ("price",), (2,))
    'The bundle saves me 24 euros a month.'
    """
    clauses = [
        _pick(BANKS[language][theme][k], u[i]) for i, (theme, k) in enumerate(zip(themes, tones, strict=True))
    ]
    text = clauses[0]
    if len(clauses) > 1:
        text += _joint(language, tones, u[2]) + clauses[1]
    text = (_pick(OPENING[language], u[4]) if u[3] < 0.10 else "") + text
    if u[5] > 0.62:
        stop = "。" if language == "zh" else ". "
        text += stop + _pick(CLOSING[language][tones[0] if len(set(tones)) == 1 else 1], u[6])
    elif u[5] > 0.30:
        text += "。" if language == "zh" else "."
    if u[7] < 0.012:
        stop = "。" if language == "zh" else ". "
        text = text.rstrip(".。!！") + stop + _pick(CONTACT_ME[language], u[8])
    numbers = {
        "days": 2 + int(u[9] * 17),
        "times": 2 + int(u[10] * 4),
        "minutes": 8 + int(u[11] * 33),
        "weekday": _pick(WEEKDAYS, u[9]),
        "three": f"{int(u[10] * 1000):03d}",
        "name": _pick(NAMES, u[11]),
    }
    return _sentences(text.format(**numbers), u[8])


def _joint(language: str, tones: tuple[int, ...], u: float) -> str:
    if tones[0] == tones[1]:
        return _pick(JOIN[language]["same"], u)
    turns = TURN_DOWN.get(language) if tones[1] < tones[0] else None
    return _pick(turns or JOIN[language]["turn"], u)


def _pick(options: tuple[str, ...], u: float) -> str:
    return options[int(u * len(options))]


def _sentences(text: str, u: float) -> str:
    if u < 0.12 and text.isascii():
        return text.lower()
    parts = [p[:1].upper() + p[1:] for p in text.split(". ")]
    return ". ".join(parts)
