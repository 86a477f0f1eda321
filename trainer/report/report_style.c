/* The document before and after its contents.
 *
 * Colours are variables: --c0.. for rows and runs (--c0 grey, then hues that differ in lightness
 * too), --p0.. for phases, --heat for the cells of maps.  A page is one column of a phone's width,
 * two or three where there is room; only tables may be wider than the screen, and scroll alone. */
#include "trainer/report/report_svg.h"

static const char colors[] =
    ":root{--bg:#fff;--fg:#1c1f24;--dim:#5f6876;--rule:#e2e6ec;--soft:#f5f7f9;--c0:#8a93a0;"
    "--c1:#c2691f;--c2:#2f6db3;--c3:#1f8a5f;--c4:#8457b5;--c5:#b8336a;--c6:#0f8b97;--c7:#8a7a12;"
    "--p0:#c2691f;--p1:#b8336a;--p2:#2f6db3;--p3:#1f8a5f;--p4:#9aa3b0;--heat:47 109 179;"
    "--bad:#b8336a;color-scheme:light dark}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#14171c;--fg:#e4e8ee;--dim:#9aa4b2;"
    "--rule:#2b313a;--soft:#1b1f26;--c0:#7b8594;--c1:#e0904f;--c2:#6aa3e0;--c3:#4fb98c;"
    "--c4:#b08cdb;--c5:#e0719f;--c6:#45b8c4;--c7:#c2b045;--p0:#e0904f;--p1:#e0719f;--p2:#6aa3e0;"
    "--p3:#4fb98c;--p4:#7b8594;--heat:106 163 224;--bad:#e0719f}}\n";

static const char text[] =
    "*{box-sizing:border-box}"
    "body{background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif;"
    "max-width:1120px;margin:1.6rem auto 3rem;padding:0 1rem;overflow-wrap:anywhere}\n"
    "h1{font-size:1.5rem;line-height:1.25;margin:0}h2{font-size:1.15rem;margin:2.2rem 0 .6rem;"
    "border-top:1px solid var(--rule);padding-top:.9rem}h3{font-size:1rem;margin:1.2rem 0 .4rem}\n"
    ".meta,figcaption,caption,.note,.caption{color:var(--dim);font-size:.88rem}figcaption b{"
    "color:var(--fg)}.caption{margin:1rem 0 .2rem}.caption "
    "b{color:var(--fg)}.verdict{font-size:1.15rem;font-weight:600;margin:1rem 0}\n"
    "code,pre{font-size:.85rem}pre{white-space:pre-wrap}\n"
    ".key{white-space:nowrap;margin-left:.6rem}.key i{display:inline-block;width:.8em;"
    "height:.8em;border-radius:2px;margin-right:.3em;vertical-align:-.05em}\n";

static const char tables[] =
    ".scroll{overflow-x:auto;margin-bottom:1.4rem}table{border-collapse:collapse;width:100%;"
    "font-size:.88rem;font-variant-numeric:tabular-nums}"
    "caption{text-align:left;padding-bottom:.2rem}"
    "th,td{padding:.25rem .5rem;text-align:right;border-bottom:1px solid var(--rule);"
    "white-space:nowrap}th:first-child,td:first-child{text-align:left;position:sticky;left:0;"
    "background:var(--bg)}th{font-weight:600}small{color:var(--dim)}.loses{color:var(--bad)}\n"
    ".facts{width:auto;margin:.6rem 0}.facts td,.facts th{white-space:normal;text-align:left;"
    "padding:.15rem .8rem .15rem 0;border:0;vertical-align:top}.facts th{font-weight:400;"
    "color:var(--dim);white-space:nowrap}\n"
    ".keys td,.keys th{text-align:left;white-space:normal}.keys td+td{min-width:7rem}"
    ".keys td:first-child{white-space:nowrap;min-width:0}.keys .set{font-weight:600}"
    "details{margin:.8rem 0}summary{cursor:pointer;font-weight:600}\n"
    ".heat{table-layout:fixed;font-size:.75rem}.heat td,.heat th{text-align:center;"
    "padding:.22rem 0;border:1px solid var(--bg);overflow-wrap:normal}.heat td:first-child,"
    ".heat th:first-child{text-align:center}.heat td{background:rgb(var(--heat)/var(--a,0))}\n"
    "@media(max-width:640px){.scroll small{display:block}.scroll th,.scroll td{padding:.25rem "
    ".3rem}"
    ".scroll td:first-child{white-space:normal;min-width:5rem;overflow-wrap:normal}"
    ".scroll .keys td:first-child{white-space:nowrap}}\n";

static const char pictures[] =
    "figure{margin:0 0 .6rem}.chart{display:flex;flex-direction:column}.chart svg{margin-top:auto}"
    "svg{width:100%;height:auto;display:block}"
    ".panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(320px,100%),1fr));"
    "gap:1.2rem 1.6rem}\n"
    "svg text{fill:var(--fg);font:11px system-ui,sans-serif}svg .label{text-anchor:end;"
    "fill:var(--dim)}svg .tick{text-anchor:middle;fill:var(--dim)}.grid{stroke:var(--rule)}"
    ".axis{stroke:var(--dim)}.series{fill:none;stroke-width:1.6;stroke-linejoin:round}\n"
    ".bars{display:grid;grid-template-columns:minmax(5rem,max-content) 1fr max-content;"
    "gap:.28rem .6rem;align-items:center;font-size:.88rem;font-variant-numeric:tabular-nums;"
    "margin-top:.4rem}.bars>span:nth-child(3n+1){max-width:9.5rem}"
    ".bar{position:relative;height:.95rem;background:var(--soft);display:flex}"
    ".bar>i{display:block;height:100%}"
    ".bar>b,.bar>u{position:absolute;top:50%;height:2px;margin-top:-1px;background:var(--fg)}"
    ".bar>u{top:0;height:100%;width:0;margin:0;background:none;"
    "border-left:1px dashed var(--dim)}\n";

void ltd_report_begin(const char *title, ltd_str *out)
{
    ltd_str_puts(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n"
                      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>\n"
                      "<link rel=\"icon\" href=\"data:,\"/>\n<title>");
    ltd_report_escape(title, out);
    ltd_str_puts(out, "</title>\n<style>\n");
    ltd_str_puts(out, colors);
    ltd_str_puts(out, text);
    ltd_str_puts(out, tables);
    ltd_str_puts(out, pictures);
    ltd_str_puts(out, "</style></head>\n<body>\n<h1>");
    ltd_report_escape(title, out);
    ltd_str_puts(out, "</h1>\n");
}

void ltd_report_end(ltd_str *out)
{
    ltd_str_puts(out, "</body></html>\n");
}
