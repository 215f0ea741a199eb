"""How many digits a number may have after each country code, as a pattern for native expressions.

The lengths are those that ``is_possible_number`` of the library phonenumbers (9.0) accepts, up to the 15 digits that
E.164 allows and from 7 on; a code that is not here belongs to no country. The tests hold them against the library.
"""

from __future__ import annotations

# Digits after the code, then the codes.
POSSIBLE = """
7 10: 1 58 960
7 10 14: 7
6-10: 20 48 60 855 880 964
5-10: 27 44 64 95 353
10-12: 30
5-11: 31 375 595
8-9: 32 213 224 237 250 258 264 268 377 962 979
9: 33 34 211 212 221 240 242 244 249 255 262 351 590 594 596 998
6-9: 36 51 252 385 963 967
6-12: 39
6 9: 40 260 508 681
9 12: 41 870
5-13: 43 49 62 63 82
8: 45 216 222 223 226 227 228 235 236 253 257 266 350 356 357 370 371 373 505 509 800 808 973 993
6-10 12: 46
5 8: 47 686
7-8 10: 52 230 267 372
5-8 10: 53 98
6-8 10-11: 54 977
8-11: 55
9-11: 56
7-8 10-11: 57 507
5-10 12: 61
8 10-11: 65
8-10 13: 66
8-13: 81
7-10: 84 243 254 970
5-12: 86 92 358 971
7 10 12-13: 90
6-13: 91
7 9: 93 94 218 220 245 251 261 265 354 423 994
10: 225 229
7-9: 231 233 591 968
6 8: 232
6-7 10-12: 234
7: 238 239 246 248 297 592 673 674 680 691 692
7-8: 241 599 670 675 853 961 965
5-6: 247 672
5-7 9: 256 992
6-7 9-10: 263
4 7: 269 683
4-5: 290
6-7: 291 597
6: 298 299 687
4-11: 352
5-9: 355
4-9 12: 359
5-6 8: 374
6 8-9: 376 382 387 689
6 8 10: 378
5-7 9-10: 380
4-12: 381 598
8-12: 383 883
5-8: 386
6-8: 389 975
9-12: 420
6-7 9: 421 995
5: 500 682
7 11: 501 679
8 11: 502 504
7-8 11: 503
8 10: 506
7-11: 593 886
5 7: 676 677 678
5-7 10: 685
5-7: 688
4-7: 690
6-8 10: 850
5-9 11: 852
6 8-10: 856
12: 878
9-10: 881
7-12: 882 972
11: 888
7 9-10: 966
7-9 11: 974
4-6 8-10: 976
5-6 9-10: 996
"""


def possible_pattern(possible: str = POSSIBLE) -> str:
    """A regular expression for the numbers in E.164 that may exist."""
    options = []
    for line in possible.strip().splitlines():
        lengths, codes = line.split(":")
        counts = "|".join(f"\\d{{{span.replace('-', ',')}}}" for span in lengths.split())
        options.append(f"(?:{'|'.join(codes.split())})(?:{counts})")
    return rf"^\+(?:{'|'.join(options)})$"
