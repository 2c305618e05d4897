"""Personal numbers go, everything else stays, character by character."""

import datetime as dt
import string
import time

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from csatlib.masking import CARD, IDENTITY, MAIL, PHONE, mask

WORDS = st.sampled_from(
    ["very good", "nobody came", "响应很快", "schön", "ça va", "!", "…", "", "and", "。", "，"]
)
DIGITS = st.sampled_from(string.digits)


def digits(n):
    return st.text(string.digits, min_size=n, max_size=n)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to ann.smith+x@mail.example.co.uk.", f"write to {MAIL}."),
        ("我的邮箱是abc_1@qq.com请回复", f"我的邮箱是{MAIL}请回复"),
        ("ａnn＠example．com", MAIL),
        ("ann(at)example.org, jürgen@müller.de", f"{MAIL}, {MAIL}"),
        ("+49 (0)171 1234567", PHONE),
        ("+4915112345678, +86 138 1234 5678", f"{PHONE}, {PHONE}"),
        ("0049 171 1234567!", f"{PHONE}!"),
        ("打13812345678或者139-1234-5678", f"打{PHONE}或者{PHONE}"),
        ("13812345678,13912345678", f"{PHONE},{PHONE}"),
        ("１３８１２３４５６７８", PHONE),
        ("86 13812345678", PHONE),
        ("(555) 123-4567 or 555.123.4567 or 1-555-123-4567", f"{PHONE} or {PHONE} or {PHONE}"),
        ("0171 1234567, (030) 123456, 0171/123 45 67", f"{PHONE}, {PHONE}, {PHONE}"),
        ("010-12345678 (021)12345678", f"{PHONE} {PHONE}"),
        ("01 23 45 67 89 or 01.12.45.67.89", f"{PHONE} or {PHONE}"),
        ("call me on 1234567, tel: 01711234567", f"call me on {PHONE}, tel: {PHONE}"),
        ("电话：62345678", f"电话：{PHONE}"),
        ("11010519491231002X", IDENTITY),
        ("身份证号440524188001010014。", f"身份证号{IDENTITY}。"),
        ("110105 19491231 002x", IDENTITY),
        ("123-45-6789", IDENTITY),
        ("4111 1111 1111 1111", CARD),
        ("卡号6222021234567890128", f"卡号{CARD}"),
        ("DE89 3704 0044 0532 0130 00 is my account", f"{CARD} is my account"),
    ],
)
def test_personal_numbers_are_masked(text, masked):
    assert mask(text) == masked
    assert mask(mask(text)) == masked


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-01 10:00:00, 01.02.2026 at 10:30, 01-02-2026 10:30, 10/03/2026 2 times",
        "2026年10月01日 08:00-17:00, called on 05.10.2026 10:30:15",
        "EUR 1,234,567.89, 13800138000元, ¥13800138000, 1.234.567,89 and 1 234 567",
        "0.13812345678 and 13812345678.50",
        "order 13812345678, Order no. 4111111111111111, #13812345678, 订单号13812345678, 编号：13912345678",
        "R13812345678, A-00001, C00001, invoice 0171 1234567",
        "called about order 12345678, ticket 20261001123456, 1234567890123456",
        "123456789012345678",
        "110105194912310021 and 4111111111111112",
        "10 out of 10, 24/7, 100 %, 7.5, 3-5 days, 192.168.0.1, 1696118400000, 12:30:45",
        "part AB12 CDEF 1234 5678",
        "@shop, meet @ home, look at example.org",
        "room 0815, 0 1 2 3 4 5 6 7 8 9",
        "",
    ],
)
def test_everything_else_stays(text):
    assert mask(text) == text


@given(st.text(st.characters(exclude_categories=["Nd", "Cs"], exclude_characters="@＠")))
def test_text_without_digits_and_at_stays(text):
    assume("at)" not in text.casefold() and "at]" not in text.casefold())
    assert mask(text) == text


@given(st.text())
@example("13812345678.13912345678")
def test_masking_twice_changes_nothing_more(text):
    assert mask(mask(text)) == mask(text)


@given(WORDS, digits(8), st.sampled_from("3456789"), st.sampled_from(["", "-", " "]), WORDS)
def test_chinese_mobile_numbers_wherever_they_stand(before, rest, second, gap, after):
    number = gap.join(["1" + second + rest[0], rest[:4], rest[4:]])
    assert mask(f"{before} {number} {after}") == f"{before} {PHONE} {after}"
    assert mask(f"手机{number}") == f"手机{PHONE}"


@given(WORDS, st.integers(10, 99), digits(9), st.sampled_from(["", " ", "-", ".", "/"]), WORDS)
def test_numbers_with_a_country_code(before, country, rest, gap, after):
    number = f"+{country}{gap or ' '}{rest[:3]}{gap}{rest[3:]}"
    assert mask(f"{before} {number} {after}") == f"{before} {PHONE} {after}"


def identity(start, day, order):
    body = f"{start}{day:%Y%m%d}{order}"
    return body + "10X98765432"[sum((2 ** (17 - k) % 11) * int(d) for k, d in enumerate(body)) % 11]


@given(
    st.integers(110000, 659999),
    st.dates(min_value=dt.date(1900, 1, 1), max_value=dt.date(2099, 12, 31)),
    digits(3),
    DIGITS,
)
def test_identity_numbers_by_their_check_digit(start, day, order, other):
    number = identity(start, day, order)
    assert mask(f"id {number}") == f"id {IDENTITY}"
    wrong = number[:-1] + other
    assume(wrong != number)
    assert IDENTITY not in mask(f"id {wrong}")


def luhn(body):
    total = sum(sum(divmod(2 * int(d), 10)) if k % 2 == 0 else int(d) for k, d in enumerate(body[::-1]))
    return body + str(-total % 10)


@given(st.sampled_from("3456"), st.integers(12, 15).flatmap(digits), DIGITS)
def test_card_numbers_by_their_check_digit(first, body, other):
    number = luhn(first + body)
    assert mask(f"card {number}.") == f"card {CARD}."
    assert mask(f"order {number}.") == f"order {number}."
    wrong = number[:-1] + other
    assume(wrong != number)
    assert CARD not in mask(f"card {wrong}")


@given(
    st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2099, 12, 31)),
    st.sampled_from(["%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p", "%d-%m-%Y"]),
)
def test_dates_stay(when, form):
    text = f"on {when.strftime(form)} nobody came"
    assert mask(text) == text


@given(
    st.floats(0, 1e12), st.sampled_from(["EUR {:,.2f}", "{:,.0f}", "{:.2f} €", "${:,.2f}", "{:.0f}元", "{:.2f}"])
)
def test_amounts_stay(value, form):
    assert mask(f"it cost {form.format(value)} in all") == f"it cost {form.format(value)} in all"


@given(st.integers(1, 10**9), st.sampled_from(["#{}", "R{:09d}", "order {:011d}", "订单号{}", "{:06d}"]))
def test_order_numbers_stay(value, form):
    text = f"about {form.format(value)} again"
    assert mask(text) == text


@given(st.integers(0, 10**9 - 1), st.sampled_from(["{}", "nr {:08d}"]))
def test_short_numbers_without_a_word_stay(value, form):
    assert mask(form.format(value)) == form.format(value)


@pytest.mark.parametrize("piece", ["a", "a.", "1", "1 ", "12-", "@a", "call 1", "138 ", "DE89 ", "(0", "+1"])
def test_a_long_comment_takes_no_time(piece):
    start = time.perf_counter()
    mask(piece * 20_000)
    assert time.perf_counter() - start < 5
