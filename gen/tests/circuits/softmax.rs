//! Probabilities in the circuit, bit for bit those of the golden model.

use netetch::ir::{IntegerSoftmax, Softmax};

use super::*;

fn softmax(scale: f64) -> Op {
    Op::Softmax(Softmax::Integer { softmax: IntegerSoftmax::new(1.0, scale).unwrap(), in_circuit: true })
}

#[test]
fn probabilities_of_vectors_and_pixels() {
    let mut dice = Dice(31);
    let encoding = Encoding::Signed(8);
    for (shape, scale) in [(&[10][..], 0.1), (&[2, 3, 5], 0.02), (&[1], 1.0), (&[4], 16.0), (&[300], 0.003)] {
        let graph = Chain::new("probable", shape, encoding).then("probability", softmax(scale)).done();
        let mut frames = dice.frames(shape, encoding);
        // Equal scores, the farthest apart, and one that outdoes the others.
        frames.row_mut(0).fill(-128);
        frames.row_mut(1).fill(127);
        frames.row_mut(2).fill(-128);
        frames[[2, 0]] = 127;
        prove(&graph, &[], &frames);
    }
}

/// One bit of the table of exponentials, or a shift left out, and probabilities differ.
#[test]
fn a_changed_bit_of_a_softmax_is_found() {
    if let Err(error) = Tool::find(ToolKind::Verilator) {
        println!("skipped: {error}");
        return;
    }
    let encoding = Encoding::Signed(8);
    let graph = Chain::new("probable", &[6], encoding).then("probability", softmax(0.1)).done();
    let frames = Dice(32).frames(&[6], encoding);
    let plan = plan::plan(&graph, &Hardware::default()).unwrap();
    let options = Options { scenarios: vec![Scenario::unstalled()], ..Options::default() };
    let bit = |text: &str| {
        let (first, rest) = text.split_once('\n').unwrap();
        let value = u32::from_str_radix(first.trim(), 16).unwrap();
        format!("{:08x}\n{rest}", value ^ 1 << 28)
    };
    let shift = |text: &str| text.replace("left_q <= excess_q", "left_q <= 4'd0");
    for file in ["hex", "softmax.v"] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("rtl");
        emit::emit(&graph, &plan, emit::Options::default(), &folder).unwrap();
        let paths = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let path = paths.into_iter().find(|path| path.to_string_lossy().ends_with(file)).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let changed = if file == "hex" { bit(&text) } else { shift(&text) };
        assert_ne!(changed, text);
        std::fs::write(&path, changed).unwrap();
        let report = sim::prove(&graph, &folder, frames.view(), &options).unwrap();
        assert!(report.mismatches > 0, "{file}");
    }
}
