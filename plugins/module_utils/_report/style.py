# SPDX-License-Identifier: GPL-3.0-or-later
"""The page's style: one sheet, light and dark, from a phone to a desk; nothing is fetched."""

from __future__ import annotations

from .._picture.colours import dark_rules

_SHEET = """
:root{color-scheme:light dark;--paper:#ffffff;--soft:#f5f7fa;--ink:#0f172a;--faint:#526077;--line:#dbe2ea;
--good:#15803d;--bad:#b91c1c;--warn:#b45309;--info:#2563eb;--off:#64748b;
--create:#7c3aed;--start:#2563eb;--boot:#0d9488;--other:#94a3b8}
@media (prefers-color-scheme:dark){:root{--paper:#0f172b;--soft:#172033;--ink:#e2e8f0;--faint:#a3b1c6;--line:#2c3a52;
--good:#4ade80;--bad:#f87171;--warn:#f0a94c;--info:#7aa7ff;--off:#9aa8bc;
--create:#a78bfa;--start:#60a5fa;--boot:#2dd4bf;--other:#64748c}
%(dark)s}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif;-webkit-text-size-adjust:100%%}
main,header,footer{max-width:62rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2rem}
h1{font-size:1.75rem;line-height:1.2;margin:0;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:2.25rem 0 .75rem;padding-bottom:.35rem;border-bottom:1px solid var(--line)}
p{margin:.5rem 0}
.faint,footer,figcaption{color:var(--faint)}
.chips{display:flex;flex-wrap:wrap;gap:.5rem;padding:0;margin:1rem 0 0;list-style:none}
.chips li{border:1px solid currentColor;border-radius:99rem;padding:.1rem .75rem;font-size:.9rem;font-weight:600}
.good{color:var(--good)}.bad,.error{color:var(--bad)}.warning{color:var(--warn)}.info{color:var(--info)}.off{color:var(--off)}
figure{margin:0;overflow-x:auto;border:1px solid var(--line);border-radius:.75rem;padding:.5rem}
figure svg{display:block;margin:0 auto;max-width:100%%;height:auto}
@media (max-width:40rem){figure.wide svg{max-width:none}}
table{border-collapse:collapse;width:100%%;font-size:.95rem}
th{text-align:left;font-weight:600;color:var(--faint);font-size:.85rem}
th,td{padding:.45rem .75rem .45rem 0;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
th{white-space:nowrap}td[data-label=Address],td[data-label="Up for"]{white-space:nowrap}
.table{overflow-x:auto}td b{font-weight:650}
.finding{border-left:.25rem solid currentColor;background:var(--soft);border-radius:.25rem .6rem .6rem .25rem;
padding:.6rem .9rem;margin:.6rem 0}
.finding p{color:var(--ink);overflow-wrap:anywhere;white-space:pre-line}
.finding h3{font-size:.95rem;margin:0;overflow-wrap:anywhere}
.remedy::before{content:"→ "}
.legend{display:flex;flex-wrap:wrap;gap:.35rem 1.1rem;font-size:.85rem;margin:0 0 .75rem;padding:0;list-style:none}
.legend i{display:inline-block;width:.8rem;height:.8rem;border-radius:.2rem;margin-right:.4rem;vertical-align:-.08rem}
.chart{display:grid;grid-template-columns:minmax(4rem,max-content) 1fr;gap:.35rem .9rem;align-items:center;margin:0}
.chart dt{font-weight:600;overflow-wrap:anywhere}
.chart dd{margin:0;min-width:0}
.track{position:relative;height:1.35rem;background:var(--soft);border-radius:.35rem;overflow:hidden}
.track i{position:absolute;top:0;bottom:0;min-width:2px}
.create{background:var(--create)}.start{background:var(--start)}.boot{background:var(--boot)}.other{background:var(--other)}
.failed{background:repeating-linear-gradient(45deg,var(--bad) 0 6px,transparent 6px 9px)}
.says{font-size:.82rem;color:var(--faint);margin:.1rem 0 .35rem}
.axis{position:relative;height:1.1rem;font-size:.78rem;color:var(--faint)}
.axis span{position:absolute;transform:translateX(-50%%);white-space:nowrap}
.axis span:first-child{transform:none}.axis span:last-child{transform:translateX(-100%%)}
details{border:1px solid var(--line);border-radius:.6rem;margin:.6rem 0;background:var(--soft)}
summary{cursor:pointer;padding:.6rem .9rem;font-weight:600;overflow-wrap:anywhere}
pre{margin:0;padding:.75rem .9rem;border-top:1px solid var(--line);overflow-x:auto;font:.82rem/1.45 ui-monospace,
SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre-wrap;overflow-wrap:anywhere}
dl.facts{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.3rem 1.25rem;margin:0;font-size:.95rem}
dl.facts dt{color:var(--faint)}dl.facts dd{margin:0;overflow-wrap:anywhere}
footer{font-size:.85rem;margin-top:2.5rem;padding-top:.75rem;padding-bottom:2rem}
@media (max-width:40rem){
thead{display:none}
tr{display:block;border:1px solid var(--line);border-radius:.6rem;padding:.5rem .9rem;margin:.6rem 0}
td{display:grid;grid-template-columns:6rem 1fr;border:0;padding:.12rem 0}
td::before{content:attr(data-label);color:var(--faint)}
td:empty{display:none}
.chart{grid-template-columns:1fr;gap:.1rem}
dl.facts{grid-template-columns:1fr;gap:0}dl.facts dd{margin-bottom:.5rem}
}
@media print{details{break-inside:avoid}body{font-size:12px}}
"""


def sheet() -> str:
    """The whole sheet."""
    return (_SHEET % {"dark": dark_rules("figure")}).strip()
