"""What the browser is given with a listening page: its style, and the script that plays, seeks, zooms and draws."""

STYLE = """
:root{color-scheme:light dark;--ink:#1f2933;--soft:#667280;--faint:#e3e7eb;--paper:#fff;--ground:#f5f6f8;
--assistant:#2a6f97;--user:#b5562f;--line:#111}
@media (prefers-color-scheme:dark){:root{--ink:#dde3ea;--soft:#8f9ba8;--faint:#2d353e;--paper:#1a2027;--ground:#12161b;
--assistant:#6cb0d6;--user:#e0936d;--line:#fff}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;padding:1.6rem 1.2rem 4rem;max-width:1240px;color:var(--ink);
background:var(--ground)}
h1{font-size:1.35rem;margin:0 0 .2rem}h2{font-size:1.02rem;margin:0;overflow-wrap:anywhere}
h3{font-size:.78rem;font-weight:600;color:var(--soft);margin:0 0 .3rem}
p{margin:.2rem 0}.meta,.intro{color:var(--soft);font-size:.86rem}
section{background:var(--paper);border:1px solid var(--faint);border-radius:10px;padding:1rem 1.2rem;margin:1.2rem 0}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem;list-style:none;margin:.7rem 0 0;padding:0;font-size:.82rem}
i{display:inline-block;width:.7em;height:.7em;border-radius:2px;margin-right:.45em;background:var(--c);flex:none}
.bar{display:flex;flex-wrap:wrap;gap:.6rem;align-items:center;margin:.7rem 0}audio{flex:1 1 20rem;height:38px}
.group{display:flex;border:1px solid var(--faint);border-radius:7px;overflow:hidden}
button{font:inherit;color:inherit;background:none;border:0;padding:0;cursor:pointer;text-align:left}
.group button{padding:.25rem .7rem;font-size:.84rem}.group button+button{border-left:1px solid var(--faint)}
.group button:hover,li:hover{background:var(--faint)}.group [aria-pressed=true]{background:var(--faint);font-weight:600}
button:focus-visible{outline:2px solid var(--assistant);outline-offset:-2px}
.view{overflow-x:auto;overflow-y:hidden;cursor:crosshair;border:1px solid var(--faint);border-radius:7px}
.track{position:relative;min-width:100%;overflow:clip}
.axis{position:relative;height:20px;font-size:11px;color:var(--soft);border-bottom:1px solid var(--faint)}
.axis span{position:absolute;top:1px;padding-left:4px;border-left:1px solid var(--faint);white-space:nowrap}
.lane{position:relative;height:84px;color:var(--who)}.assistant{--who:var(--assistant)}.user{--who:var(--user)}
.lane canvas{position:sticky;left:0;display:block;height:84px;z-index:1}
.turn{position:absolute;top:2px;bottom:2px;border-radius:5px;overflow:hidden;font-size:10px;line-height:13px;
padding-left:4px;white-space:nowrap;background:color-mix(in srgb,var(--who) 13%,transparent)}
.tint{position:absolute;top:0;bottom:0;background:var(--c);opacity:.2;min-width:2px}
.mark{position:absolute;top:0;bottom:0;border-left:2px solid var(--c);z-index:2}
.held{position:absolute;top:0;bottom:0;z-index:2;border-left:2px solid var(--c);opacity:.55;
background:repeating-linear-gradient(135deg,var(--c) 0 1px,transparent 1px 6px)}
.name{position:absolute;left:0;bottom:0;width:100%;z-index:2;pointer-events:none;font-size:11px;font-weight:600}
.name span{position:sticky;left:5px}
.words{display:none;position:relative;height:18px;font-size:11px;color:var(--soft)}.near .words{display:block}
.words span{position:absolute;overflow:hidden;white-space:nowrap;border-left:1px solid var(--faint);padding-left:2px}
.strip{position:relative;border-bottom:1px solid var(--faint)}
.strip button{position:absolute;height:15px;min-width:4px;border-radius:3px;background:var(--c);color:#fff;
font-size:10.5px;line-height:15px;overflow:hidden;white-space:nowrap;text-overflow:ellipsis;container-type:inline-size}
.strip span{padding:0 4px}@container (max-width:44px){.strip span{display:none}}
.playhead{position:absolute;top:0;bottom:0;width:1px;background:var(--line);z-index:3;pointer-events:none;left:0}
.below{display:grid;grid-template-columns:minmax(0,3fr) minmax(0,2fr);gap:1.4rem;margin-top:.9rem}
@media (max-width:800px){.below{grid-template-columns:minmax(0,1fr)}}
.below ol{list-style:none;margin:0;padding:0;font-size:.88rem;max-height:22rem;overflow-y:auto}
.below li{border-radius:5px}.below button{display:flex;gap:.6rem;width:100%;padding:.12rem .35rem;align-items:baseline}
.below .now{background:color-mix(in srgb,var(--assistant) 14%,transparent)}
time{flex:none;width:3.6rem;text-align:right;color:var(--soft);font-variant-numeric:tabular-nums;font-size:.8rem}
.who{flex:none;width:4.6rem;font-weight:600;color:var(--who)}del{color:var(--soft)}
.said{overflow-wrap:anywhere;min-width:0}.note{color:var(--soft);font-size:.8rem}
"""

SCRIPT = """
'use strict';
let context = null;
const STEPS = [.1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
const bytes = text => {
  const raw = atob(text), out = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) out[i] = raw.charCodeAt(i);
  return out;
};
const clock = (t, step) => {
  const rest = (t % 60).toFixed(step < 1 ? 1 : 0);
  return t < 60 ? rest + ' s' : Math.floor(t / 60) + ':' + rest.padStart(step < 1 ? 4 : 2, '0');
};
const near = new IntersectionObserver(seen => {
  for (const entry of seen) if (entry.isIntersecting) { near.unobserve(entry.target); entry.target.load(); }
}, {rootMargin: '1500px'});

for (const section of document.querySelectorAll('section')) {
  const find = name => section.querySelector(name), all = name => [...section.querySelectorAll(name)];
  const seconds = Number(section.dataset.seconds), audio = find('audio');
  const view = find('.view'), track = find('.track'), playhead = find('.playhead'), axis = find('.axis');
  const timed = all('.turns li').map(item => ({item, start: +item.dataset.start, end: +item.dataset.end}));
  const lanes = all('canvas').map(canvas => ({canvas, peaks: bytes(canvas.dataset.peaks)}));
  let zoom = 1, splitter = null, waiting = false;

  const draw = () => {
    waiting = false;
    const width = view.clientWidth, ratio = devicePixelRatio || 1;
    for (const {canvas, peaks} of lanes) {
      const height = canvas.clientHeight * ratio, columns = Math.round(width * ratio), pen = canvas.getContext('2d');
      canvas.width = columns; canvas.height = height; canvas.style.width = width + 'px';
      pen.fillStyle = getComputedStyle(canvas).color;
      const each = peaks.length / (track.clientWidth * ratio), from = view.scrollLeft * ratio;
      for (let x = 0; x < columns; x++) {
        const first = Math.floor((from + x) * each), last = Math.max(first + 1, Math.floor((from + x + 1) * each));
        let peak = 0;
        for (let i = first; i < last && i < peaks.length; i++) if (peaks[i] > peak) peak = peaks[i];
        const tall = Math.max(ratio, peak / 255 * height);
        pen.fillRect(x, (height - tall) / 2, 1, tall);
      }
    }
  };
  const redraw = () => { if (!waiting) { waiting = true; requestAnimationFrame(draw); } };
  const layout = () => {
    track.style.width = 100 * zoom + '%';
    const scale = view.clientWidth * zoom / seconds, step = STEPS.find(s => s * scale >= 70) || 600;
    track.classList.toggle('near', scale >= 85);
    axis.replaceChildren();
    for (let i = 0; i * step < seconds; i++) {
      const tick = document.createElement('span');
      tick.style.left = 100 * i * step / seconds + '%'; tick.textContent = clock(i * step, step); axis.append(tick);
    }
    redraw();
  };
  const place = () => {
    const now = audio.currentTime, x = now / seconds * track.clientWidth;
    playhead.style.left = 100 * now / seconds + '%';
    for (const {item, start, end} of timed) {
      const list = item.parentElement, was = item.classList.contains('now'), is = start <= now && now < end;
      item.classList.toggle('now', is);
      if (is && !was) list.scrollTop = item.offsetTop - list.offsetTop - list.clientHeight / 3;
    }
    if (!audio.paused && (x < view.scrollLeft || x > view.scrollLeft + view.clientWidth - 30)) view.scrollLeft = x - 60;
  };
  const follow = () => { place(); if (!audio.paused) requestAnimationFrame(follow); };
  const seek = time => {
    section.load(); audio.currentTime = Math.min(Math.max(time, 0), seconds); audio.play().catch(() => {});
  };
  section.load = () => {
    const stored = find('script');
    if (!stored) return;
    audio.src = URL.createObjectURL(new Blob([bytes(stored.textContent)], {type: 'audio/flac'}));
    stored.remove();
  };
  const hear = channel => {
    if (!splitter) {
      context = context || new AudioContext();
      splitter = context.createChannelSplitter(2);
      context.createMediaElementSource(audio).connect(splitter);
      section.merger = context.createChannelMerger(2);
      section.merger.connect(context.destination);
    }
    context.resume(); splitter.disconnect();
    for (const ear of [0, 1]) splitter.connect(section.merger, channel === 'both' ? ear : Number(channel), ear);
    for (const button of all('[data-hear]')) button.setAttribute('aria-pressed', button.dataset.hear === channel);
  };
  section.addEventListener('click', event => {
    const button = event.target.closest('button');
    if (!button) {
      if (!view.contains(event.target)) return;
      const box = track.getBoundingClientRect();
      seek(seconds * (event.clientX - box.left) / box.width);
    } else if (button.dataset.hear) hear(button.dataset.hear);
    else if (button.dataset.at) seek(Number(button.dataset.at));
    else if (button.dataset.zoom) {
      const middle = (view.scrollLeft + view.clientWidth / 2) / track.clientWidth;
      const most = Math.max(1, 240 * seconds / view.clientWidth);
      zoom = Math.min(most, Math.max(1, zoom * Number(button.dataset.zoom)));
      layout(); view.scrollLeft = middle * track.clientWidth - view.clientWidth / 2;
    }
  });
  audio.addEventListener('play', () => {
    for (const other of document.querySelectorAll('audio')) if (other !== audio) other.pause();
    if (context) context.resume();
    follow();
  });
  audio.addEventListener('seeked', place); audio.addEventListener('pause', place);
  view.addEventListener('scroll', redraw);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  new ResizeObserver(layout).observe(view);
  near.observe(section);
}
"""
