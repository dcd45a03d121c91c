//! Cases of the reductions, tables, and what moves pixels.

use crate::case::{Case, Random};

const LANES: usize = 3;
const VECTORS: usize = 30;

/// All cases of this file.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for steps in [1, 4, 9] {
        for signed in [false, true] {
            cases.push(reduce("reduce_max", steps, signed, 6));
            cases.push(reduce("reduce_sum", steps, signed, 11));
        }
    }
    cases.push(lookup_table());
    for (pixels, folds, width) in [(4, 2, 10), (3, 1, 9), (2, 3, 1), (1, 2, 4), (5, 1, 7)] {
        cases.push(pixel_serializer(pixels, folds, width));
    }
    for (from, groups, width, block) in [
        (0, 2, 3, [2, 3]),
        (0, 1, 1, [1, 1]),
        (0, 1, 4, [3, 1]),
        (1, 2, 3, [2, 2]),
        (1, 1, 1, [3, 2]),
        (2, 2, 3, [2, 2]),
        (2, 1, 4, [3, 3]),
    ] {
        cases.push(block_expand(from, groups, width, block));
    }
    cases
}

fn reduce(module: &'static str, steps: usize, signed: bool, out_bits: usize) -> Case {
    let mut random = Random::new(11);
    let (low, high) = if signed { (-32, 31) } else { (0, 63) };
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for _ in 0..VECTORS {
        let beats: Vec<Vec<i64>> = (0..steps).map(|_| random.vector(LANES, low, high)).collect();
        let lane = |lane: usize| {
            let column = beats.iter().map(|beat| beat[lane]);
            if module == "reduce_max" { column.fold(low, i64::max) } else { column.sum() }
        };
        expected.push((0..LANES).map(lane).collect::<Vec<i64>>());
        sent.extend(beats);
    }
    let mut case = Case::new(format!("{module}_{steps}_{}", u8::from(signed)), module)
        .with("LANES", LANES)
        .with("BITS", 6)
        .with("SIGNED", usize::from(signed))
        .with("STEPS", steps)
        .sends(&sent, LANES, 6)
        .expects(&expected, LANES, out_bits);
    if module == "reduce_sum" {
        case = case.with("OUT_BITS", out_bits);
    }
    (case.latency, case.span) = (Some(steps as i64), Some((sent.len() - steps) as i64));
    case
}

fn lookup_table() -> Case {
    let mut random = Random::new(12);
    let table: Vec<Vec<i64>> = (0..32).map(|_| random.vector(1, 0, 127)).collect();
    let sent: Vec<Vec<i64>> = (0..VECTORS).map(|_| random.vector(LANES, 0, 31)).collect();
    let result = |beat: &Vec<i64>| beat.iter().map(|code| table[*code as usize][0]).collect::<Vec<i64>>();
    let expected: Vec<Vec<i64>> = sent.iter().map(result).collect();
    let mut case = Case::new("lookup_table", "lookup_table")
        .with("LANES", LANES)
        .with("IN_BITS", 5)
        .with("OUT_BITS", 7)
        .sends(&sent, LANES, 5)
        .expects(&expected, LANES, 7)
        .reads(&table, 1, 7);
    (case.latency, case.span) = (Some(1), Some(VECTORS as i64 - 1));
    case
}

/// Rows of pixels, each `groups` beats of every pixel of its block or of itself.
fn block_expand(from: usize, groups: usize, width: usize, [down, right]: [usize; 2]) -> Case {
    let mut random = Random::new(14);
    let parts = if from == 0 { 1 } else { down * right };
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        // Of every pixel of the row the channels of every pixel of its block, part by part.
        let row: Vec<Vec<Vec<i64>>> =
            (0..width).map(|_| (0..parts).map(|_| random.vector(groups * LANES, 0, 63)).collect()).collect();
        for pixel in &row {
            if from < 2 {
                sent.extend(pixel.iter().flat_map(|part| part.chunks(LANES)).map(<[i64]>::to_vec));
            } else {
                let channel = |channel: usize| pixel.iter().map(move |part| part[channel]);
                let beat = |group: usize| (0..LANES).flat_map(|lane| channel(group * LANES + lane)).collect();
                sent.extend((0..groups).map(beat));
            }
        }
        for line in 0..down {
            for pixel in &row {
                for column in 0..right {
                    let part = &pixel[(line * right + column) % parts];
                    expected.extend(part.chunks(LANES).map(<[i64]>::to_vec));
                }
            }
        }
    }
    let name = format!("block_expand_{from}_{groups}_{width}_{down}_{right}");
    let lanes = if from == 2 { parts * LANES } else { LANES };
    let first = sent.len() / 4;
    let mut case = Case::new(name, "block_expand")
        .with("BITS", 6)
        .with("LANES", LANES)
        .with("GROUPS", groups)
        .with("WIDTH", width)
        .with("DOWN", down)
        .with("RIGHT", right)
        .with("FROM", from)
        .sends(&sent, lanes, 6)
        .expects(&expected, LANES, 6);
    case.latency = Some(first as i64 + 2);
    case
}

fn pixel_serializer(pixels: usize, folds: usize, width: usize) -> Case {
    let mut random = Random::new(13);
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    for _ in 0..6 {
        for first in (0..width).step_by(pixels) {
            let group: Vec<Vec<i64>> = (0..folds).map(|_| random.vector(pixels * LANES, 0, 63)).collect();
            for pixel in 0..pixels.min(width - first) {
                expected.extend(group.iter().map(|beat| beat[pixel * LANES..][..LANES].to_vec()));
            }
            sent.extend(group);
        }
    }
    let mut case = Case::new(format!("pixel_serializer_{pixels}_{folds}_{width}"), "pixel_serializer")
        .with("BITS", 6)
        .with("LANES", LANES)
        .with("PIXELS", pixels)
        .with("FOLDS", folds)
        .with("WIDTH", width)
        .sends(&sent, pixels * LANES, 6)
        .expects(&expected, LANES, 6);
    case.latency = Some(folds as i64 + 2);
    case
}
