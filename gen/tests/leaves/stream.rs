//! Cases of the leaves that only move beats, and of argmax.

use crate::case::{Case, Random, beats};

/// All cases of this file.
pub fn cases() -> Vec<Case> {
    let mut cases = vec![skid_buffer(), frame_marker(1), frame_marker(5)];
    cases.extend([1, 2, 6].map(frame_guard));
    for (wide, narrow, length) in [(4, 1, 10), (4, 2, 3), (8, 4, 8), (6, 2, 19), (5, 1, 1), (3, 3, 7)] {
        cases.push(width_converter(wide, narrow, length));
        cases.push(width_converter(narrow, wide, length));
    }
    cases.extend(
        [(0, 10, 4), (1, 10, 4), (1, 1, 1), (1, 5, 8), (0, 16, 4)]
            .map(|(signed, length, index)| argmax(signed, length, index)),
    );
    cases
}

fn skid_buffer() -> Case {
    let vector: Vec<Vec<i64>> = beats(&Random::new(1).vector(200, 0, 255), 1);
    let mut case =
        Case::new("skid_buffer", "skid_buffer").with("WIDTH", 8).sends(&vector, 1, 8).expects(&vector, 1, 8);
    (case.latency, case.span) = (Some(1), Some(199));
    case
}

fn frame_marker(length: usize) -> Case {
    let values = Random::new(2).vector(40 * length, 0, 255);
    let sent = beats(&values, 1);
    let marked =
        values.iter().enumerate().map(|(beat, value)| value | i64::from((beat + 1) % length == 0) << 8);
    let marked: Vec<Vec<i64>> = marked.map(|value| vec![value]).collect();
    let mut case = Case::new(format!("frame_marker_{length}"), "frame_marker");
    case = case.with("WIDTH", 8).with("BEATS", length).sends(&sent, 1, 8).expects(&marked, 1, 9);
    (case.latency, case.span) = (Some(0), Some(40 * length as i64 - 1));
    case
}

/// Whole, short and long frames; the top bit going in is `last`, the top bit coming out is `frame_error`.
fn frame_guard(length: usize) -> Case {
    let mut random = Random::new(3);
    let (mut sent, mut expected) = (Vec::new(), Vec::new());
    let mut error = false;
    for frame in 0..40 {
        let actual = if frame < 4 { length } else { random.within(1, 2 * length as i64) as usize };
        let values = random.vector(actual, 1, 255);
        for (beat, value) in values.iter().enumerate() {
            sent.push(vec![value | i64::from(beat + 1 == actual) << 8]);
        }
        for beat in 0..length {
            // The flag rises after the beat that shows the fault: at once after an early last, at the end of a long frame.
            expected.push(vec![values.get(beat).copied().unwrap_or(0) | i64::from(error) << 8]);
            error |= beat + 1 == actual && actual < length;
        }
        error |= actual > length;
    }
    let mut case = Case::new(format!("frame_guard_{length}"), "frame_guard");
    case = case.with("WIDTH", 8).with("BEATS", length).sends(&sent, 1, 9).expects(&expected, 1, 9);
    case.latency = Some(0);
    case
}

fn width_converter(from: usize, to: usize, length: usize) -> Case {
    let mut random = Random::new(4);
    let vectors: Vec<Vec<i64>> = (0..30).map(|_| random.vector(length, 0, 31)).collect();
    let side = |lanes| vectors.iter().flat_map(|vector| beats(vector, lanes)).collect::<Vec<_>>();
    let (sent, expected) = (side(from), side(to));
    let mut case = Case::new(format!("width_converter_{from}_{to}_{length}"), "width_converter")
        .with("BITS", 5)
        .with("IN_LANES", from)
        .with("OUT_LANES", to)
        .with("LENGTH", length)
        .sends(&sent, from, 5)
        .expects(&expected, to, 5);
    let first_beats = length.min(to).div_ceil(from) as i64;
    case.latency = Some(if from == to { 0 } else { first_beats });
    let narrow = expected.len().max(sent.len()) as i64;
    case.span = Some(narrow - first_beats);
    case
}

fn argmax(signed: usize, length: usize, index_bits: usize) -> Case {
    let mut random = Random::new(5);
    let (low, high) = if signed == 1 { (-8, 7) } else { (0, 15) };
    let vectors: Vec<Vec<i64>> = (0..40).map(|_| random.vector(length, low, high)).collect();
    let best = |vector: &Vec<i64>| {
        let greatest = vector.iter().max().copied().unwrap_or(0);
        vec![vector.iter().position(|element| *element == greatest).unwrap_or(0) as i64]
    };
    let sent: Vec<Vec<i64>> = vectors.iter().flat_map(|vector| beats(vector, 1)).collect();
    let expected: Vec<Vec<i64>> = vectors.iter().map(best).collect();
    let mut case = Case::new(format!("argmax_{signed}_{length}_{index_bits}"), "argmax")
        .with("BITS", 4)
        .with("SIGNED", signed)
        .with("LENGTH", length)
        .with("INDEX_BITS", index_bits)
        .sends(&sent, 1, 4)
        .expects(&expected, 1, index_bits);
    (case.latency, case.span) = (Some(length as i64), Some(39 * length as i64));
    case
}
