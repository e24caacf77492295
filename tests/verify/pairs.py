"""Machines that are equal although written differently, and machines that are nearly equal."""

from __future__ import annotations

# name, one program, another that equals it on inputs of every length
EQUAL: tuple[tuple[str, str, str], ...] = (
    ("parity as sum modulo 2",
     "machine a(x: 0..1) -> 0..1  state s: 0..1 = 0  next s = s ^ x  output s'",
     "machine b(x: 0..1) -> 0..1  state n: int = 0  next n = n + x  output n' mod 2"),
    ("counter and its double",
     "machine a(x: 0..1) -> int  state n: int = 0  next n = n + x  output n'",
     "machine b(x: 0..1) -> int  state m: int = 0  next m = m + 2 * x  output m' div 2"),
    ("sum and its negation",
     "machine a(x: 0..99) -> int  state n: int = 0  next n = n + x  output n'",
     "machine b(x: 0..99) -> int  state m: int = 5  next m = m - x  output 5 - m'"),
    ("sum split over two counters",
     "machine a(x: -9..9) -> int  state n: int = 0  next n = n + x  output n'",
     """machine b(x: -9..9) -> int  state p: int = 0  state q: int = 0
        next p = p + max(x, 0)  next q = q + max(-x, 0)  output p' - q'"""),
    ("modular counter and unbounded counter",
     "machine a(x: 0..1) -> bool  state n: 0..2 = 0  next n = (n + x) mod 3  output n' == 0",
     "machine b(x: 0..1) -> bool  state n: int = 0  next n = n + x  output n' mod 3 == 0"),
    ("largest so far, two encodings",
     "machine a(x: 0..99) -> 0..99  state m: 0..99 = 0  next m = max(m, x)  output m'",
     "machine b(x: 0..99) -> 0..99  state k: -99..0 = 0  next k = if -x < k then -x else k  output -k'"),
    ("largest of unbounded inputs",
     "machine a(x: int) -> int  state m: int = 0  next m = max(m, x)  output m'",
     "machine b(x: int) -> int  state m: int = 0  next m = if x > m then x else m  output max(m, x)"),
    ("delay by a register and by two variables",
     "machine a(x: 0..99) -> 0..99  state r: [0..99; 2] = [0, 0]  next r = push(r, x)  output r[0]",
     "machine b(x: 0..99) -> 0..99  state p: 0..99 = 0  state q: 0..99 = 0  next p = x  next q = p  output q"),
    ("Boolean and integer latch",
     "machine a(s: 0..1, r: 0..1) -> bool  state on: bool = false  next on = (on or s == 1) and r == 0  output on'",
     "machine b(s: 0..1, r: 0..1) -> bool  state k: 0..1 = 0  next k = (k | s) & (1 - r)  output k' == 1"),
    ("saturating counter and clamped sum of ones",
     "machine a(x: 0..1) -> 0..4  state n: 0..4 = 0  next n = min(n + x, 4)  output n'",
     "machine b(x: 0..1) -> 0..4  state n: int = 0  next n = n + x  output min(n', 4)"),
    ("remainder of a binary number as a table",
     "machine a(x: 0..1) -> 0..2  state r: 0..2 = 0  next r = (2 * r + x) mod 3  output r'",
     """machine b(x: 0..1) -> 0..2  state q: 0..2 = 0
        next q = [[0, 1], [2, 0], [1, 2]][q][x]  output q'"""),
    ("alternating sign",
     "machine a(x: 0..9) -> int  state t: 0..1 = 0  state s: int = 0  next t = 1 - t"
     "  next s = if t == 0 then s + x else s - x  output s'",
     "machine b(x: 0..9) -> int  state f: -1..1 = 1  state s: int = 0  next f = -f  next s = s + f * x  output s'"),
    ("difference of neighbours, unbounded inputs",
     "machine a(x: int) -> int  state p: int = 0  next p = x  output x - p",
     "machine b(x: int) -> int  state n: int = 0  next n = -x  output x + n"),
    ("exact average of two neighbours",
     "machine a(x: 0..9) -> real  state p: 0..9 = 0  next p = x  output (x + p) / 2",
     "machine b(x: 0..9) -> real  state h: real = 0  next h = x / 2  output x / 2 + h"),
    ("Tomita 5 as two bits and as one of four states",
     "machine a(x: 0..1) -> 0..1  state a: 0..1 = 0  state b: 0..1 = 0  next a = a ^ x  next b = b ^ x ^ 1"
     "  output int(a' + b' == 0)",
     "machine b(x: 0..1) -> 0..1  state q: 0..3 = 0  next q = [[1, 2], [0, 3], [3, 0], [2, 1]][q][x]"
     "  output int(q' == 0)"),
    ("zeros less ones modulo 3, bounded and unbounded",
     "machine a(x: 0..1) -> 0..1  state r: 0..2 = 0  next r = (r + x + 1) mod 3  output int(r' == 0)",
     "machine b(x: 0..1) -> 0..1  state d: int = 0  next d = if x == 0 then d + 1 else d - 1"
     "  output int(d' mod 3 == 0)"),
    ("three zeros seen, counted and remembered",
     "machine a(x: 0..1) -> 0..1  state n: 0..3 = 0  next n = if n == 3 then 3 else if x == 1 then 0 else n + 1"
     "  output int(n' < 3)",
     "machine b(x: 0..1) -> 0..1  state p: 0..1 = 1  state q: 0..1 = 1  state ok: 0..1 = 1"
     "  next p = x  next q = p  next ok = ok & (x | p | q)  output ok'"),
    ("steps since the last one, two ways of counting",
     "machine a(x: 0..1) -> int  state n: int = 0  next n = if x == 1 then 0 else n + 1  output n'",
     "machine b(x: 0..1) -> int  state t: int = 0  state last: int = 0  next t = t + 1"
     "  next last = if x == 1 then t + 1 else last  output t' - last'"),
    ("range of inputs, ends and width kept",
     "machine a(x: 0..9) -> 0..9  state low: 0..9 = 9  state high: 0..9 = 0  next low = min(low, x)"
     "  next high = max(high, x)  output high' - low'",
     "machine b(x: 0..9) -> 0..9  state low: 0..9 = 9  state flipped: 0..9 = 9  next low = min(low, x)"
     "  next flipped = min(flipped, 9 - x)  output 9 - flipped' - low'"),
    ("serial addition, carry as a number and as a comparison",
     "machine a(x: 0..1, y: 0..1) -> 0..1  state c: 0..1 = 0  next c = (x + y + c) div 2  output (x + y + c) mod 2",
     "machine b(x: 0..1, y: 0..1) -> 0..1  state c: bool = false  next c = if x == y then x == 1 else c"
     "  output x ^ y ^ int(c)"),
    ("sum of squares from differences",
     "machine a(x: 0..1) -> int  state n: int = 0  state s: int = 0  next n = n + x  next s = s + x * (2 * n + 1)"
     "  output s' - n'",
     "machine b(x: 0..1) -> int  state n: int = 0  state t: int = 0  next n = n + x"
     "  next t = t + 2 * n * x  output t'"),
)

# name, one program, another, and the length of the shortest input that separates them
DIFFERENT: tuple[tuple[str, str, str, int], ...] = (
    ("saturation at 4 and at 5",
     "machine a(x: 0..1) -> int  state n: 0..4 = 0  next n = min(n + x, 4)  output n'",
     "machine b(x: 0..1) -> int  state n: 0..5 = 0  next n = min(n + x, 5)  output n'", 5),
    ("modulo 6 and modulo 7",
     "machine a(x: 0..1) -> int  state n: 0..5 = 0  next n = (n + x) mod 6  output int(n' == 5)",
     "machine b(x: 0..1) -> int  state n: 0..6 = 0  next n = (n + x) mod 7  output int(n' == 5)", 11),
    ("a limit at 1000",
     "machine a(x: 0..99) -> int  state n: int = 0  next n = n + x  output n'",
     "machine b(x: 0..99) -> int  state n: int = 0  next n = n + x  output min(n', 1000)", 11),
    ("a limit on unbounded inputs",
     "machine a(x: int) -> int  state n: int = 0  next n = n + x  output n'",
     "machine b(x: int) -> int  state n: int = 0  next n = n + x  output if n' == 12345 then 0 else n'", 1),
    ("delay 2 and delay 3",
     "machine a(x: 0..99) -> 0..99  state r: [0..99; 2] = [0, 0]  next r = push(r, x)  output r[0]",
     "machine b(x: 0..99) -> 0..99  state r: [0..99; 3] = [0, 0, 0]  next r = push(r, x)  output r[0]", 3),
    ("one word of length 9",
     "machine a(x: 0..1) -> 0..1  state w: 0..511 = 0  next w = (2 * w + x) mod 512  output 0",
     "machine b(x: 0..1) -> 0..1  state w: 0..511 = 0  next w = (2 * w + x) mod 512  output int(w' == 357)", 9),
    ("wrong initial value",
     "machine a(x: 0..9) -> int  state p: int = 0  next p = x  output p",
     "machine b(x: 0..9) -> int  state p: int = 1  next p = x  output p", 1),
    ("quotient rounded another way",
     "machine a(x: -9..9) -> int  state n: int = 0  next n = n + x  output n' div 2",
     "machine b(x: -9..9) -> int  state n: int = 0  next n = n + x  output if n' < 0 then -(-n' div 2) else n' div 2",
     1),
    ("largest, except for a tie with the limit",
     "machine a(x: int) -> int  state m: int = 0  next m = max(m, x)  output m'",
     "machine b(x: int) -> int  state m: int = 0  next m = max(m, x)  output if m' == m and m > 50 then 50 else m'", 2),
    ("counter that forgets after 7 ones in a row",
     "machine a(x: 0..1) -> int  state n: int = 0  next n = n + x  output n'",
     """machine b(x: 0..1) -> int  state n: int = 0  state r: int = 0
        next r = if x == 1 then r + 1 else 0  next n = if r == 7 then n else n + x  output n'""", 8),
    ("a sum that breaks at a square",
     "machine a(x: 1..50) -> int  state n: int = 0  next n = n + x  output n'",
     "machine b(x: 1..50) -> int  state n: int = 0  next n = n + x  output n' + int(n' * n' == 40000)", 4),
    ("truth value against integer",
     "machine a(x: bool) -> bool  state s: bool = false  next s = s xor x  output s'",
     "machine b(x: bool) -> 0..1  state n: 0..3 = 0  next n = (n + int(x)) mod 4  output n' mod 3", 2),
    ("Tomita 7 with five runs allowed",
     "machine a(x: 0..1) -> 0..1  state s: 0..4 = 0  next s = min(s + int(s mod 2 != x), 4)  output int(s' < 4)",
     "machine b(x: 0..1) -> 0..1  state s: 0..5 = 0  next s = min(s + int(s mod 2 != x), 5)  output int(s' < 5)", 4),
    ("a counter that saturates late",
     "machine a(x: 0..1) -> int  state n: int = 0  next n = n + x  output n'",
     "machine b(x: 0..1) -> int  state n: int = 0  next n = min(n + x, 40)  output n'", 41),
    ("three zeros in a row against three zeros of four",
     "machine a(x: 0..1) -> 0..1  state p: 0..1 = 1  state q: 0..1 = 1  next p = x  next q = p  output x | p | q",
     "machine b(x: 0..1) -> 0..1  state p: 0..1 = 1  state q: 0..1 = 1  state r: 0..1 = 1"
     "  next p = x  next q = p  next r = q  output int(x + p + q + r > 1)", 4),
    ("carry lost after three in a row",
     "machine a(x: 0..1, y: 0..1) -> 0..1  state c: 0..1 = 0  next c = (x + y + c) div 2  output (x + y + c) mod 2",
     "machine b(x: 0..1, y: 0..1) -> 0..1  state c: 0..1 = 0  state k: 0..3 = 0"
     "  next k = if (x + y + c) div 2 == 1 then min(k + 1, 3) else 0"
     "  next c = if k == 3 then 0 else (x + y + c) div 2  output (x + y + c) mod 2", 5),
    ("remainder by 3 and by 3 with one table entry wrong",
     "machine a(x: 0..1) -> 0..2  state r: 0..2 = 0  next r = (2 * r + x) mod 3  output r'",
     "machine b(x: 0..1) -> 0..2  state q: 0..2 = 0  next q = [[0, 1], [2, 0], [1, 1]][q][x]  output q'", 3),
    ("largest of the last three, one too short",
     "machine a(x: 0..9) -> 0..9  state p: 0..9 = 0  state q: 0..9 = 0  next p = x  next q = p"
     "  output max(max(x, p), q)",
     "machine b(x: 0..9) -> 0..9  state p: 0..9 = 0  next p = x  output max(x, p)", 3),
    ("latch that a long silence resets",
     "machine a(x: 0..1) -> 0..1  state s: 0..1 = 0  next s = s | x  output s'",
     "machine b(x: 0..1) -> 0..1  state s: 0..1 = 0  state k: 0..9 = 0  next k = if x == 1 then 0 else min(k + 1, 9)"
     "  next s = if k == 9 and x == 0 then 0 else s | x  output s'", 11),
    ("a counter that skips from 12 to 14",
     "machine a(x: 0..1) -> int  state n: int = 0  next n = n + x  output n'",
     "machine b(x: 0..1) -> int  state n: int = 0  next n = if n == 12 then n + 2 * x else n + x  output n'", 13),
)
