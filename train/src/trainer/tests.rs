use ndarray::Array2;
use netetch::desc::types::Quantizer;
use netetch::ir::Scheme;
use serde_json::json;

use super::*;
use crate::optimizer::Rule;
use crate::recipe::Lambda;

/// Two dense layers: 6 elements, 5 results, 3 scores.
fn network() -> Network {
    let dense = |name: &str, outputs: u32| json!({"name": name, "op": "dense", "outputs": outputs, "weights": {"values": name, "scheme": "float"}});
    let mut first = dense("d1", 5);
    first["activation"] = "relu".into();
    first["output"] = json!({"format": "float"});
    Network::drawn(&[6], json!([first, dense("d2", 3)]))
}

fn course() -> Course {
    let mut random = Random::new(&[2]);
    let values = Array2::from_shape_simple_fn((60, 6), || random.normal() as f32);
    let labels = values.rows().into_iter().map(|row| u32::from(row[0] > 0.0) + u32::from(row[1] > 0.0));
    let labels = labels.collect();
    let chosen = Wish::Chosen { bits: 4, signed: None };
    Course {
        training: Frames { values, labels },
        input_unit: None,
        held_out: None,
        wishes: vec![Some(chosen), Some(chosen), None],
        batch: 10,
        seed: 1,
        shift: None,
    }
}

fn phase(method: Method, activations: bool) -> Phase {
    let schemes = vec![Scheme::Ternary; 2];
    Phase {
        name: "integers".into(),
        epochs: 4,
        rate: 0.05,
        schedule: Schedule::Constant,
        rule: Rule::Adam,
        prune: 0.0,
        target: Some(Target { schemes, quantizer: Some(Quantizer::Exact), method, activations }),
    }
}

/// The steps of both layers, epoch by epoch.
fn steps(adaptation: Adaptation, activations: bool) -> Vec<Vec<f64>> {
    let phases = [phase(Method::StraightThrough(adaptation), activations)];
    let mut trainer = Trainer::new(network(), &phases, &course()).unwrap();
    while !trainer.is_done(&phases) {
        trainer.advance(&phases, &course(), |_, _| ()).unwrap();
    }
    trainer.history.iter().map(|epoch| epoch.steps.iter().map(|step| step.unwrap()).collect()).collect()
}

#[test]
fn steps_are_found_anew_as_often_as_said() {
    let changes = |adaptation: Adaptation, layer: usize, activations: bool| {
        let steps = steps(adaptation, activations);
        steps.windows(2).map(|pair| pair[0][layer] != pair[1][layer]).collect::<Vec<_>>()
    };
    for layer in [0, 1] {
        assert_eq!(changes(Adaptation::Conventional, layer, false), [false; 3]);
        assert_eq!(changes(Adaptation::EveryEpoch, layer, false), [true; 3]);
        assert_eq!(changes(Adaptation::OneEpoch, layer, false), [true, false, false]);
    }
    // Of integers, the last layer's step takes up what the others would change by.
    assert_eq!(changes(Adaptation::EveryEpoch, 1, true), [true; 3]);
    assert!(steps(Adaptation::EveryEpoch, true).iter().all(|steps| steps[0].log2().fract() == 0.0));
}

#[test]
fn regularization_by_hand() {
    let regularizer = |qr: f64, wqr: f64| Regularizer {
        qr: Lambda { fixed: qr, ..Lambda::default() },
        wqr: Lambda { growth: wqr, ..Lambda::default() },
    };
    let layer =
        json!({"name": "d", "op": "dense", "outputs": 2, "weights": {"values": "d", "scheme": "float"}});
    let network = Network::drawn(&[2], json!([layer]));
    let real = Phase { target: None, ..phase(Method::Regularized(regularizer(0.0, 0.0)), false) };
    let mut trainer = Trainer::new(network, &[real], &course()).unwrap();
    let weight = trainer.network.nodes[1].parameters.weight.as_ref().unwrap();
    let values = trainer.network.tensor(vec![0.9, -0.4, 0.3, 0.1], &[2, 2]).unwrap();
    weight.set(&values).unwrap();
    // Levels -1.5 to 1.5 by halves: distances 0.1, 0.1, 0.2, 0.1.
    trainer.precision.weights[1] = Some(Codes { scheme: Scheme::Dfp { bits: 3 }, exp: -1, scale: 1.0 });
    let value =
        |regularizer: &Regularizer| trainer.regularization(regularizer).unwrap().to_scalar::<f64>().unwrap();
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    let (qr, wqr) = (0.125 / 1.5, (0.09 + 0.04 + 0.06 + 0.01) / 4.0 / 2.25);
    near(value(&regularizer(1.0, 0.0)), qr);
    near(value(&regularizer(0.0, 1.0)), wqr);
    near(value(&regularizer(3.0, 5.0)), 3.0 * qr + 5.0 * wqr);
}

#[test]
fn a_plateau_wants_frames_to_judge_by() {
    let waiting = Phase {
        schedule: Schedule::Plateau,
        target: None,
        ..phase(Method::StraightThrough(Adaptation::Conventional), false)
    };
    let phases = [waiting];
    let error = Trainer::new(network(), &phases, &course()).unwrap_err().to_string();
    assert!(error.contains("plateau") && error.contains("--hold-out"), "{error}");
    let held_out = Some(course().training);
    assert!(Trainer::new(network(), &phases, &Course { held_out, ..course() }).is_ok());
}
