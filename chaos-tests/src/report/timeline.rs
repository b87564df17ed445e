//! The timeline: who was Active, what was broken, how many calls ended how, and how long they took, one above the other
//! over the same time.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use super::escaped;
use super::scale::{LEFT, RIGHT, Time, latency_y};
use crate::history::{Kind, Line, Process};
use crate::measure::percentile;

/// How many columns calls are gathered in.
const COLUMNS: u64 = 240;
const ROW: f64 = 18.0;
const GAP: f64 = 30.0;
const RATES: f64 = 110.0;
const LATENCIES: f64 = 160.0;
/// A Manager that said nothing for longer was perhaps not Active any more.
const UNBROKEN_NS: u64 = 250_000_000;

/// Draws it.
pub(super) fn draw(lines: &[Line], managers: &[u64]) -> String {
    let end = lines.last().map_or(1, |line| line.time.max(1));
    let (time, faults, columns) = (Time { end }, faults(lines, end), columns(lines, end));
    let mut drawing = String::new();
    let mut top = 24.0;
    let tenures = office(&mut drawing, time, lines, managers, &mut top);
    let faults_top = top;
    fault_rows(&mut drawing, time, &faults, &mut top);
    rates(&mut drawing, time, &columns, &mut top);
    latencies(&mut drawing, time, &columns, &mut top);
    let height = top + 10.0;
    let mut back = String::new();
    for fault in &faults {
        let (x, width) = (time.x(fault.from), time.x(fault.to) - time.x(fault.from));
        put(
            &mut back,
            &format!(
                "<rect class=\"band\" x=\"{x:.1}\" y=\"{faults_top:.0}\" width=\"{:.1}\" height=\"{:.0}\"/>",
                width.max(1.0),
                top - faults_top
            ),
        );
    }
    for second in time.ticks() {
        let x = time.x(second * 1_000_000_000);
        put(
            &mut back,
            &format!(
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"24\" y2=\"{top:.0}\"/><text x=\"{x:.1}\" y=\"14\" text-anchor=\"middle\">{second} s</text>"
            ),
        );
    }
    format!(
        "<section><h2>Timeline</h2><svg viewBox=\"0 0 1160 {height:.0}\" role=\"img\" aria-label=\"Who was Active, what was broken, calls and their times\">{back}{drawing}</svg>{}</section>",
        legend(tenures)
    )
}

fn legend(tenures: usize) -> String {
    format!(
        "<p class=\"legend\">{tenures} spans of being Active, as probes saw them.\
         <b style=\"background:var(--ok)\"></b>done<b style=\"background:var(--no)\"></b>refused or not tried\
         <b style=\"background:var(--lost)\"></b>outcome unknown<b style=\"background:var(--p50)\"></b>half of the calls took less\
         <b style=\"background:var(--p99)\"></b>99 of 100 took less. Red bands: something was broken.</p>"
    )
}

/// One row a Manager: when it was Active.
fn office(
    drawing: &mut String,
    time: Time,
    lines: &[Line],
    managers: &[u64],
    top: &mut f64,
) -> usize {
    let mut spans: BTreeMap<u64, Vec<(u64, u64, u64)>> = BTreeMap::new();
    for manager in managers {
        spans.entry(*manager).or_default();
    }
    for line in lines.iter().filter(|line| line.is_by("probe") && line.f == "active") {
        let (Some(id), epoch) = (line.node, line.value["epoch"].as_u64().unwrap_or(0)) else {
            continue;
        };
        let own = spans.entry(id).or_default();
        match own.last_mut() {
            Some((_, to, of)) if *of == epoch && line.time - *to < UNBROKEN_NS => *to = line.time,
            _ => own.push((line.time, line.time, epoch)),
        }
    }
    title(drawing, *top, "Active");
    let mut count = 0;
    for (nth, (id, own)) in spans.iter().enumerate() {
        let y = *top + 8.0;
        put(
            drawing,
            &format!("<text class=\"name\" x=\"8\" y=\"{:.0}\">Manager {id}</text>", y + 11.0),
        );
        for (from, to, epoch) in own {
            let (x, width) = (time.x(*from), (time.x(*to) - time.x(*from)).max(1.5));
            put(
                drawing,
                &format!(
                    "<rect class=\"m{}\" x=\"{x:.1}\" y=\"{y:.0}\" width=\"{width:.1}\" height=\"12\" rx=\"2\"><title>Manager {id}, epoch {epoch}</title></rect>",
                    nth % 6
                ),
            );
            count += 1;
        }
        *top += ROW;
    }
    *top += GAP;
    count
}

/// A fault from its beginning to its end.
struct Broken {
    name: String,
    from: u64,
    to: u64,
    bit: bool,
}

fn faults(lines: &[Line], end: u64) -> Vec<Broken> {
    let (mut open, mut faults): (HashMap<&str, usize>, Vec<Broken>) = (HashMap::new(), Vec::new());
    for line in lines.iter().filter(|line| line.is_by("nemesis")) {
        if line.value["begins"].is_array() {
            open.insert(&line.f, faults.len());
            faults.push(Broken { name: line.f.clone(), from: line.time, to: end, bit: false });
        } else if let Some(which) = open.remove(line.f.as_str()) {
            faults[which].to = line.time;
            faults[which].bit = line.value["outcome"] == "installed";
        }
    }
    faults
}

/// As few rows as hold all faults without one over another.
fn fault_rows(drawing: &mut String, time: Time, faults: &[Broken], top: &mut f64) {
    const LETTER: f64 = 6.2;
    title(drawing, *top, "Broken");
    let mut free: Vec<f64> = Vec::new();
    for fault in faults {
        let (from, to) = (time.x(fault.from), time.x(fault.to));
        let letters = f64::from(u32::try_from(fault.name.len()).unwrap_or(0));
        // A name that would run over the edge begins earlier than its bar.
        let named = from.min(RIGHT - letters * LETTER);
        let ends = to.max(named + letters * LETTER + 8.0);
        let row = free.iter().position(|free| *free <= named).unwrap_or(free.len());
        if row == free.len() {
            free.push(0.0);
        }
        free[row] = ends;
        let y = *top + 8.0 + ROW * f64::from(u32::try_from(row).unwrap_or(0));
        let class = if fault.bit { "bar" } else { "bar no" };
        put(
            drawing,
            &format!(
                "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{y:.0}\" width=\"{:.1}\" height=\"13\" rx=\"2\"/><text class=\"name\" x=\"{:.1}\" y=\"{:.0}\">{}</text>",
                (to - from).max(1.5),
                named + 3.0,
                y + 10.5,
                escaped(&fault.name)
            ),
        );
    }
    *top += ROW * f64::from(u32::try_from(free.len().max(1)).unwrap_or(1)) + GAP;
}

/// The calls that ended in one span of time.
#[derive(Default)]
struct Column {
    done: u64,
    not: u64,
    unknown: u64,
    /// Of those done, in microseconds; sorted.
    took_us: Vec<u64>,
}

fn columns(lines: &[Line], end: u64) -> Vec<Column> {
    let mut columns: Vec<Column> = (0..COLUMNS).map(|_| Column::default()).collect();
    let mut begun: HashMap<u64, u64> = HashMap::new();
    for line in lines {
        let Process::Client(process) = line.process else { continue };
        if line.kind == Kind::Invoke {
            begun.insert(process, line.time);
            continue;
        }
        let which = u128::from(line.time) * u128::from(COLUMNS) / u128::from(end + 1);
        let column =
            &mut columns[usize::try_from(which).expect("it is below the number of columns")];
        match line.kind {
            Kind::Ok => {
                column.done += 1;
                let took = begun.get(&process).map(|begun| (line.time - begun) / 1_000);
                column.took_us.extend(took);
            }
            Kind::Fail => column.not += 1,
            Kind::Info | Kind::Invoke => column.unknown += 1,
        }
    }
    columns.iter_mut().for_each(|column| column.took_us.sort_unstable());
    columns
}

fn column_x(nth: usize) -> f64 {
    LEFT + (RIGHT - LEFT) * whole(nth as u64) / whole(COLUMNS)
}

fn whole(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn rates(drawing: &mut String, time: Time, columns: &[Column], top: &mut f64) {
    title(drawing, *top, "Calls a second");
    let span = super::scale::seconds(time.end) / whole(COLUMNS);
    let all = |column: &Column| column.done + column.not + column.unknown;
    let most = columns.iter().map(all).max().unwrap_or(0).max(1);
    let (base, width) = (*top + 8.0 + RATES, (RIGHT - LEFT) / whole(COLUMNS));
    for (nth, column) in columns.iter().enumerate() {
        let mut y = base;
        for (class, count) in [("ok", column.done), ("no", column.not), ("lost", column.unknown)] {
            let height = RATES * whole(count) / whole(most);
            if count > 0 {
                y -= height;
                put(
                    drawing,
                    &format!(
                        "<rect class=\"{class}\" x=\"{:.1}\" y=\"{y:.1}\" width=\"{width:.2}\" height=\"{height:.1}\"/>",
                        column_x(nth)
                    ),
                );
            }
        }
    }
    let per_second = (whole(most) / span).round();
    put(
        drawing,
        &format!(
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{per_second:.0}</text><text x=\"{:.0}\" y=\"{base:.0}\" text-anchor=\"end\">0</text>",
            LEFT - 6.0,
            base - RATES + 10.0,
            LEFT - 6.0
        ),
    );
    *top += RATES + GAP;
}

fn latencies(drawing: &mut String, _time: Time, columns: &[Column], top: &mut f64) {
    title(drawing, *top, "Time of a call");
    let start = *top + 8.0;
    for (ms, label) in [(1.0, "1 ms"), (10.0, "10 ms"), (100.0, "100 ms"), (1_000.0, "1 s")] {
        let y = latency_y(ms, start, LATENCIES);
        put(
            drawing,
            &format!(
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                LEFT - 6.0,
                y + 4.0
            ),
        );
    }
    for (class, percent) in [("p99", 99), ("p50", 50)] {
        let (mut path, mut pen) = (String::new(), 'M');
        for (nth, column) in columns.iter().enumerate() {
            if column.took_us.is_empty() {
                pen = 'M';
                continue;
            }
            let ms = whole(percentile(&column.took_us, percent)) / 1_000.0;
            let (x, y) = (column_x(nth), latency_y(ms, start, LATENCIES));
            put(&mut path, &format!("{pen}{x:.1} {y:.1}"));
            pen = 'L';
        }
        put(drawing, &format!("<path class=\"line {class}\" d=\"{path}\"/>"));
    }
    *top += LATENCIES + GAP / 2.0;
}

fn title(drawing: &mut String, top: f64, title: &str) {
    put(drawing, &format!("<text class=\"title\" x=\"8\" y=\"{top:.0}\">{title}</text>"));
}

fn put(drawing: &mut String, element: &str) {
    drawing.write_str(element).expect("it is a String");
}
