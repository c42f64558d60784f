//! A picture with a grid to read coordinates from, as one HTML file: what is clicked becomes a polygon to copy.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Of a JPEG and its size in pixels.
pub(super) fn page(title: &str, jpeg: &[u8], (width, height): (u32, u32)) -> String {
    let picture = STANDARD.encode(jpeg);
    let title = crate::evaluate::html::escape(title);
    let (mut lines, mut labels) = (String::new(), String::new());
    for tenth in 1..10 {
        let share = f64::from(tenth) / 10.0;
        let (x, y) = (share * f64::from(width), share * f64::from(height));
        lines += &format!("<path d=\"M{x:.1} 0V{height}M0 {y:.1}H{width}\"/>");
        labels += &format!(
            "<text x=\"{:.1}\" y=\"16\">{share}</text><text x=\"4\" y=\"{:.1}\">{share}</text>",
            x + 3.0,
            y - 4.0
        );
    }
    format!(
        r##"<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:15px/1.45 system-ui,sans-serif;margin:1.5rem auto;max-width:82rem;padding:0 1rem;color:#1b1f24;background:#fff}}
h1{{font-size:1.3rem}}svg{{width:100%;height:auto;display:block;cursor:crosshair}}path{{stroke:#fff;stroke-opacity:.55;stroke-width:1;fill:none}}
text{{font:14px system-ui,sans-serif;fill:#fff;paint-order:stroke;stroke:#000;stroke-width:3px}}
pre{{background:#f5f7f9;padding:1rem;overflow-x:auto;min-height:1.2em}}button{{font:inherit;padding:.3rem .8rem}}</style>
<h1>{title}</h1><p>Coordinates are shares of the picture: 0, 0 is its upper left corner. Click corners of a zone, or both ends of a line.
<button id="undo">Take the last one back</button> <button id="clear">Begin anew</button></p>
<svg id="view" viewBox="0 0 {width} {height}"><image href="data:image/jpeg;base64,{picture}" width="{width}" height="{height}"/>
<g>{lines}{labels}</g><polygon id="zone" fill="#ffd33d" fill-opacity=".3" stroke="#ffd33d" stroke-width="2"/></svg>
<pre id="out">polygon = []</pre>
<script>
const view = document.getElementById("view"), zone = document.getElementById("zone"), out = document.getElementById("out");
const points = [];
function show() {{
  zone.setAttribute("points", points.map(([x, y]) => `${{x * {width}}},${{y * {height}}}`).join(" "));
  out.textContent = `polygon = [${{points.map(([x, y]) => `[${{x}}, ${{y}}]`).join(", ")}}]`;
}}
view.addEventListener("click", (event) => {{
  const box = view.getBoundingClientRect();
  const share = (at, from, length) => Math.min(1, Math.max(0, Math.round((at - from) / length * 1000) / 1000));
  points.push([share(event.clientX, box.left, box.width), share(event.clientY, box.top, box.height)]);
  show();
}});
document.getElementById("undo").addEventListener("click", () => {{ points.pop(); show(); }});
document.getElementById("clear").addEventListener("click", () => {{ points.length = 0; show(); }});
</script></html>
"##
    )
}
