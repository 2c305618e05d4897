"""Personal numbers and addresses in free text, taken out before anybody reads it."""

import re
from collections.abc import Iterable, Iterator

MAIL, PHONE, IDENTITY, CARD = "[e-mail]", "[phone]", "[identity number]", "[account number]"
_PLAIN = str.maketrans("０１２３４５６７８９＠＋－（）．／　\xa0", "0123456789@+-()./  ")
_EAST = r"\u2e80-\u9fff\uac00-\ud7a3"
_LETTER, _SIGNS = rf"[^\W{_EAST}]", ".!#$%&'*+/=?^`{|}~-"
_MAIL = re.compile(
    # only from the start of a word on, so that a long one is read once
    rf"(?<!{_LETTER})(?<![{_SIGNS}])(?:{_LETTER}|[{_SIGNS}])+\s?(?:@|\(at\)|\[at\])\s?"
    rf"(?:{_LETTER}|-)+(?:\.(?:{_LETTER}|-)+)+",
    re.IGNORECASE,
)
_START, _END = r"(?<![A-Za-z0-9_#])", r"(?![A-Za-z0-9_])"
_CHINESE = re.compile(_START + r"[1-9](?:[ -]?\d){16}[ -]?[\dXx]" + _END)
_SOCIAL = re.compile(_START + r"(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}" + _END)
_CARD = re.compile(r"(?<!\+)" + _START + r"[2-6]\d{3}(?:[ -]?\d){9,15}" + _END)
_IBAN = re.compile(_START + r"[A-Z]{2}\d\d(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?" + _END, re.IGNORECASE)
_GAP = r"(?:[ ./-]|\)[ ./-]?|[ ./-]?\()"
_PHONES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?<!\w)\+[1-9](?:{_GAP}?\d){{7,14}}" + _END,
        rf"{_START}00[1-9](?:{_GAP}?\d){{9,13}}" + _END,
        rf"{_START}(?:86[ -]?)?1[3-9]\d(?P<by>[ -]?)\d{{4}}(?P=by)\d{{4}}" + _END,
        rf"{_START}(?:1[ .-])?\(?[2-9]\d\d(?:\) ?|[ .-])\d{{3}}[ .-]\d{{4}}" + _END,
        # a trunk 0 and gaps: 0171 1234567, (030) 123456, 010-12345678, 01 23 45 67 89
        rf"(?<![A-Za-z0-9_#])\(?0[1-9](?=[\d]*{_GAP}\d)(?:{_GAP}?\d){{6,10}}" + _END,
    )
)
_SAID = re.compile(
    r"(?:\b(?:tele?(?:phone|fon|f)?|phone|mobile|cell|handy|call|ring|fax|whatsapp|sms)\b|电话|手机|致电|微信|联系方式)"
    r"(?:[\s.:：=,，]|\b(?:me|us|him|her|number|no|nr|is|on|at|under|unter|back)\b|号码|号|是|为){0,6}"
    rf"(\(?\d(?:{_GAP}?\d){{6,14}})" + _END,
    re.IGNORECASE,
)
_REFERENCE = re.compile(
    r"(?:\b(?:order|invoice|ticket|case|contract|reference|ref|booking|tracking|serial|item|article)s?\b"
    r"|订单|单号|编号|发票|合同|工单|流水|快递)(?:[\s.:：#=]|\b(?:no|nr|number|id|is)\b|号码|号|是|为){0,6}$",
    re.IGNORECASE,
)
_MONEY_BEFORE = re.compile(r"(?:[¥￥€$£]|\b(?:EUR|USD|CNY|RMB|GBP))\s?$", re.IGNORECASE)
_MONEY_AFTER = re.compile(r"\s?(?:[元¥￥€$£%]|(?:EUR|USD|CNY|RMB|GBP)\b|万)", re.IGNORECASE)
_DATE = re.compile(r"(?:\d{1,2}([-./])\d{1,2}\1(?:19|20)?\d\d|(?:19|20)\d\d([-./])\d{1,2}\2\d{1,2})(?![-./]?\d)")


def mask(text: str) -> str:
    """Replace e-mail addresses, phone numbers and identity and account numbers in free text.

    Parameters
    ----------
    text : str
        A comment as a person wrote it, in any language.

    Returns
    -------
    str
        The text with ``[e-mail]``, ``[phone]``, ``[identity number]`` and ``[account number]`` in their place;
        all else stays as it is, character by character. Masking twice changes nothing more.

    Notes
    -----
    Caught, also in full-width characters and right beside Chinese characters:

    - e-mail addresses, also with ``(at)``;
    - phone numbers with a country code (``+49 (0)171 1234567``, ``0049...`` with ten digits or more), Chinese
      mobile numbers (1, then 3 to 9, eleven digits, in one piece or as 3-4-4, also after 86), North American ones
      (3-3-4 with gaps), numbers with a leading 0 and at least one gap (``0171 1234567``, ``010-12345678``), and
      any seven to fifteen digits right after a word such as phone, call, WhatsApp, 电话, 手机;
    - Chinese identity numbers of 18 digits whose date and check digit (ISO 7064, MOD 11-2) are right, and United
      States social security numbers written 3-2-4;
    - card numbers (13 to 19 digits from 2 to 6 whose Luhn digit is right) and IBANs (remainder 1 modulo 97).

    Not caught: names, postal addresses, user names and handles, web links, addresses spelled out ("at", "dot"),
    domains in Chinese characters, numbers in words, local numbers without a 0 or a word before them, numbers in
    one piece with a leading 0 but no word before them, passports and other countries' identity numbers, and
    numbers with a wrong check digit. It lowers the risk; it does not make a text anonymous.

    Left alone: dates and times, amounts (with a currency beside them, or in groups of three with commas),
    decimals, numbers after # or a letter, and numbers right after a word such as order, invoice, 订单, 编号.
    Wrongly masked at times: an order number without such a word that looks like a Chinese mobile number, or one of
    13 to 19 digits whose Luhn digit is right by chance (one in ten).

    References
    ----------
    GB 11643-1999 (Chinese identity number); ISO/IEC 7812-1, annex B (Luhn); ISO 13616-1 (IBAN); ITU-T E.164
    (at most 15 digits).

    Examples
    --------
    >>> mask("Call me on 0171 1234567 or ann@example.org about order 13812345678, due 2026-10-01.")
    'Call me on [phone] or [e-mail] about order 13812345678, due 2026-10-01.'
    >>> mask("我的手机是138-1234-5678，身份证11010519491231002X")
    '我的手机是[phone]，身份证[identity number]'
    """
    plain = text.translate(_PLAIN)
    if not re.search(r"@|at[)\]]|\d\D{0,2}\d\D{0,2}\d", plain, re.IGNORECASE):
        return text
    parts, place = [], 0
    for start, end, sign in _chosen(_found(plain)):
        parts += [text[place:start], sign]
        place = end
    return "".join([*parts, text[place:]])


def typical(texts: Iterable[str], *, show: int = 1) -> list[str]:
    """Pick the masked texts of middle length, those in which nothing had to be masked first.

    Parameters
    ----------
    texts : iterable of str
        Comments as people wrote them; the same text counts once.
    show : int
        How many.

    Returns
    -------
    list of str
        By length; fewer where there are fewer.

    Examples
    --------
    >>> typical(["Slow", "Slow, very slow", "Slow, mail a@b.de"])
    ['Slow']
    """
    shown = {text: mask(text) for text in texts}
    clean = [masked for text, masked in shown.items() if text == masked]
    chosen = sorted(clean if len(clean) >= show else set(shown.values()), key=lambda text: (len(text), text))
    start = max((len(chosen) - show) // 2, 0)
    return chosen[start : start + show]


def _chosen(found: Iterator[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Keep the spans found first where two overlap."""
    kept: list[tuple[int, int, str]] = []
    for start, end, sign in found:
        if all(end <= other or start >= last for other, last, _ in kept):
            kept.append((start, end, sign))
    return sorted(kept)


def _found(text: str) -> Iterator[tuple[int, int, str]]:
    yield from ((*m.span(), MAIL) for m in _MAIL.finditer(text))
    yield from ((*m.span(), IDENTITY) for m in _CHINESE.finditer(text) if _is_chinese_identity(m.group()))
    yield from ((*m.span(), CARD) for m in _IBAN.finditer(text) if _is_iban(m.group()))
    yield from (
        (*m.span(), CARD) for m in _CARD.finditer(text) if _is_card(m.group()) and _is_free(text, m.span())
    )
    yield from ((*m.span(), IDENTITY) for m in _SOCIAL.finditer(text) if _is_free(text, m.span()))
    for pattern in _PHONES:
        yield from ((*m.span(), PHONE) for m in pattern.finditer(text) if _is_free(text, m.span()))
    yield from ((*m.span(1), PHONE) for m in _SAID.finditer(text) if _is_free(text, m.span(1)))


def _is_free(text: str, span: tuple[int, int]) -> bool:
    """Tell whether a number is no date, no amount, no part of a longer number and no reference."""
    start, end = span
    before, after = text[max(0, start - 40) : start], text[end : end + 40]
    if _DATE.match(text[start:].lstrip("(")) or _DATE.search(before[-11:] + text[start:end][:1]):
        return False
    lead, tail = re.search(r"(\d+)[.,:]$", before), re.match(r"[.,:](\d+)", after)
    if (lead and len(lead[1]) < 7) or (tail and len(tail[1]) < 7):
        return False
    return not (_REFERENCE.search(before) or _MONEY_BEFORE.search(before) or _MONEY_AFTER.match(after))


def _digits(number: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", number).upper()


def _is_chinese_identity(number: str) -> bool:
    """Check the date of birth and the check digit of GB 11643."""
    digits = _digits(number)
    if not re.fullmatch(r"\d{6}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dX]", digits):
        return False
    total = sum((2 ** (17 - k) % 11) * int(digit) for k, digit in enumerate(digits[:17]))
    return "10X98765432"[total % 11] == digits[17]


def _is_card(number: str) -> bool:
    digits = [int(digit) for digit in _digits(number)][::-1]
    return sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2]) in range(0, 999, 10)


def _is_iban(number: str) -> bool:
    plain = _digits(number)
    return 15 <= len(plain) <= 34 and int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1
