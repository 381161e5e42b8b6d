// Plots by uPlot. Every plot also is a table, for who cannot see it.

import { useEffect, useRef, useState } from 'preact/hooks';

import { html } from '../lib/html.js';

/**
 * @typedef {object} Series
 * @property {string} label
 * @property {string} color name of a custom property in the style sheet, such as `--plot-agent`
 * @property {number[]} values one for every `x`
 */

/**
 * Stacked bars over time.
 * @param {{
 *   title: string, x: number[], series: Series[], height?: number,
 *   formatX: (seconds: number) => string, formatY?: (value: number) => string, isUtc?: boolean,
 * }} props `x`: seconds since 1970, the start of every bucket; equal steps. `isUtc`: the buckets are days of UTC
 */
export function Bars({ title, x, series, height = 220, formatX, formatY = String, isUtc = false }) {
  const host = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [hovered, setHovered] = useState(/** @type {number | null} */ (null));
  const key = JSON.stringify([x, series]);

  useEffect(() => {
    // A classic script of the page defines it: uPlot's module is not minified, and twice as large.
    const { uPlot } = /** @type {any} */ (globalThis);
    // Blocked, or not reachable: the table remains.
    if (!host.current || !uPlot) return undefined;
    return draw(uPlot, host.current, { x, series, height, formatX, formatY, isUtc, onHover: setHovered });
  }, [key, height]);

  const at = hovered ?? -1;
  return html`<figure class="plot">
    <figcaption>
      <span class="plot-title">${title}</span>
      <span class="legend">${series.map(
        ({ label, color, values }) => html`<span key=${label}>
        <i class=${`swatch ${color.slice(2)}`} aria-hidden="true"></i>${label} <b>${formatY(at >= 0 ? (values[at] ?? 0) : total(values))}</b></span>`,
      )}
        ${at >= 0 && html`<span>${formatX(x[at] ?? 0)}</span>`}</span>
    </figcaption>
    <div ref=${host} class="plot-area" aria-hidden="true"></div>
    <details><summary>Show as table</summary><div class="scroll" tabindex="0" role="region" aria-label=${`${title}, as table`}>
      <table><thead><tr><th scope="col">Time</th>${series.map(({ label }) => html`<th key=${label} scope="col" class="end">${label}</th>`)}</tr></thead>
        <tbody>${x.map(
          (seconds, i) => html`<tr key=${seconds}><th scope="row">${formatX(seconds)}</th>
          ${series.map(({ label, values }) => html`<td key=${label} class="end">${formatY(values[i] ?? 0)}</td>`)}</tr>`,
        )}</tbody></table>
    </div></details>
  </figure>`;
}

/** @param {number[]} values */
const total = (values) => values.reduce((sum, value) => sum + value, 0);

/**
 * Draws, and draws again when the window's size or the colours change. Returns what ends it.
 * @param {any} uPlot
 * @param {HTMLDivElement} host
 * @param {{ x: number[], series: Series[], height: number, formatX: (seconds: number) => string, formatY: (value: number) => string, isUtc: boolean, onHover: (index: number | null) => void }} options
 */
function draw(uPlot, host, { x, series, height, formatX, formatY, isUtc, onHover }) {
  const color = (/** @type {string} */ name) => getComputedStyle(host).getPropertyValue(name).trim();
  const step = x.length > 1 ? (x[1] ?? 0) - (x[0] ?? 0) : 3600;
  // Bars are drawn over each other, the highest sum first.
  const sums = series.map((_, i) =>
    x.map((_x, at) => total(series.slice(0, i + 1).map(({ values }) => values[at] ?? 0))),
  );

  const make = () => {
    const axis = {
      stroke: color('--muted'),
      grid: { stroke: color('--line'), width: 1 },
      ticks: { show: false },
      font: '12px system-ui',
    };
    return new uPlot(
      {
        width: Math.max(host.clientWidth, 100),
        height,
        legend: { show: false },
        // Ticks at the days of UTC where the buckets are those; at the viewer's otherwise.
        ...(isUtc && { tzDate: (/** @type {number} */ seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC') }),
        cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
        scales: {
          x: { range: [(x[0] ?? 0) - step / 2, (x.at(-1) ?? 0) + step / 2] },
          y: {
            range: (/** @type {any} */ _plot, /** @type {number} */ _low, /** @type {number} */ high) => [
              0,
              Math.max(1, high * 1.1),
            ],
          },
        },
        axes: [
          { ...axis, space: 70, values: (/** @type {any} */ _plot, /** @type {number[]} */ at) => at.map(formatX) },
          {
            ...axis,
            size: 56,
            incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000, 100_000],
            values: (/** @type {any} */ _plot, /** @type {number[]} */ at) => at.map(formatY),
          },
        ],
        series: [
          {},
          ...series
            .map(({ label, color: name }) => ({
              label,
              fill: color(name),
              stroke: color(name),
              width: 0,
              points: { show: false },
              paths: uPlot.paths.bars({ size: [0.8, 60] }),
            }))
            .reverse(),
        ],
        hooks: { setCursor: [(/** @type {any} */ plot) => onHover(plot.cursor.idx ?? null)] },
      },
      [x, ...sums.slice().reverse()],
      host,
    );
  };

  let plot = make();
  const redraw = () => {
    plot.destroy();
    plot = make();
  };
  const resized = new ResizeObserver(() => plot.setSize({ width: Math.max(host.clientWidth, 100), height }));
  resized.observe(host);
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  scheme.addEventListener('change', redraw);
  return () => {
    resized.disconnect();
    scheme.removeEventListener('change', redraw);
    plot.destroy();
  };
}
