//! The papers' comparisons: which way of quantizing keeps more of a network's accuracy.

use std::collections::BTreeMap;

use netetch::desc::types::Quantizer;
use netetch::ir::Scheme;
use netetch::quant::allocate::{ladder, offsets, weight_memory};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::recipe::{Adaptation, Lambda, Method, Regularizer, Target};

use super::digits::{Subject, Trained, widened};

/// The share of test frames that is right, by the way of quantizing; `float` is the real-valued network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// Of all layers.
    pub weights: usize,
    /// By name.
    pub right: BTreeMap<String, f64>,
}

/// Bits that are compared in all ways (shin2017, Tables 1 and 2).
pub const LOW_BITS: [u32; 3] = [2, 3, 4];
/// Bits that curves of error against memory are drawn of (shin2017c, figure 2).
pub const CURVE_BITS: [u32; 5] = [2, 3, 4, 6, 8];
/// Bits of gradual quantization, one after the other.
const GRADUAL: [u32; 5] = [6, 5, 4, 3, 2];
/// Schemes of wess2018.
pub const WESS: [&str; 6] = ["dfp-2", "dfp-3", "dfp-4", "po2-2", "po2-3", "po2-4"];

/// Uniform steps of least squared error, by every way of retraining (shin2017, section 2).
///
/// # Errors
/// When a training fails.
pub fn step_adaptation(subject: &Subject, factor: f64, seed: u64) -> Result<Shares> {
    let trained = Trained::new(subject, &widened(&subject.description, factor)?, seed)?;
    let epochs = subject.epochs[1];
    let target = |bits: u32, adaptation: Adaptation| {
        trained.target(Scheme::Dfp { bits }, Some(Quantizer::Exact), Method::StraightThrough(adaptation))
    };
    let mut right = BTreeMap::from([("float".to_owned(), trained.accuracy)]);
    for bits in LOW_BITS {
        right.insert(format!("direct {bits}"), trained.one(target(bits, Adaptation::Conventional), 0)?);
        right.insert(
            format!("conventional {bits}"),
            trained.one(target(bits, Adaptation::Conventional), epochs)?,
        );
        right.insert(format!("one epoch {bits}"), trained.one(target(bits, Adaptation::OneEpoch), epochs)?);
    }
    for bits in CURVE_BITS {
        right.insert(format!("adaptive {bits}"), trained.one(target(bits, Adaptation::EveryEpoch), epochs)?);
    }
    for (name, adaptation) in [("gradual", Adaptation::Conventional), ("both", Adaptation::EveryEpoch)] {
        let targets = GRADUAL.iter().map(|&bits| target(bits, adaptation)).collect();
        for (bits, share) in GRADUAL.iter().zip(trained.retrained(targets, epochs, 0.0)?) {
            right.insert(format!("{name} {bits}"), share);
        }
    }
    Ok(Shares { weights: trained.weights.iter().sum(), right })
}

/// Power-of-two scales, drawn to their levels or with codes (wess2018, sections III-B and IV).
///
/// # Errors
/// When a training fails.
pub fn regularization(subject: &Subject, factor: f64, seed: u64) -> Result<Shares> {
    let trained = Trained::new(subject, &widened(&subject.description, factor)?, seed)?;
    let epochs = subject.epochs[1];
    let mut right = BTreeMap::from([("float".to_owned(), trained.accuracy)]);
    let codes = Method::StraightThrough(Adaptation::EveryEpoch);
    for name in WESS {
        let target = |method: Method| trained.target(name.parse().unwrap_or(Scheme::Ternary), None, method);
        right.insert(format!("direct {name}"), trained.one(target(codes.clone()), 0)?);
        right.insert(format!("codes {name}"), trained.one(target(codes.clone()), epochs)?);
        for (way, regularizer) in regularizers(subject.lambda, epochs) {
            right.insert(
                format!("{way} {name}"),
                trained.one(target(Method::Regularized(regularizer)), epochs)?,
            );
        }
        let pruned = trained.retrained(vec![target(codes.clone())], epochs, PRUNED)?;
        right.insert(format!("pruned {name}"), pruned[0]);
    }
    for bits in [3, 4] {
        let memory = weight_memory(&trained.weights, &vec![bits; trained.layers()]);
        let fits = |bits: &Vec<u32>| weight_memory(&trained.weights, bits) <= memory;
        let rungs = ladder(&offsets(&trained.weights, 3.0), 2, 16);
        let Some(layered) = rungs.into_iter().rfind(fits) else { continue };
        let equal = vec![bits; trained.layers()];
        let searched = searched(&trained, memory)?;
        for (way, bits_of) in [("equal", equal), ("layered", layered), ("searched", searched)] {
            let of = |method: Method| by_layer(&bits_of, method);
            right.insert(format!("direct {way} {bits}"), trained.one(of(codes.clone()), 0)?);
            let last = regularizers(subject.lambda, epochs)
                .into_iter()
                .last()
                .map(|(_, last)| last)
                .unwrap_or_default();
            right.insert(format!("drawn {way} {bits}"), trained.one(of(Method::Regularized(last)), epochs)?);
        }
    }
    Ok(Shares { weights: trained.weights.iter().sum(), right })
}

fn by_layer(bits: &[u32], method: Method) -> Target {
    let schemes = bits.iter().map(|&bits| Scheme::Dfp { bits }).collect();
    Target { schemes, quantizer: None, method, activations: false }
}

/// Bits of the layers that take no more than `memory`: from 8 in all of them, one less where loss · memory becomes least
/// (wess2018, algorithm 1), the loss being that of the frames learned from.
fn searched(trained: &Trained, memory: u64) -> Result<Vec<u32>> {
    let right =
        |bits: &[u32]| trained.learned(by_layer(bits, Method::StraightThrough(Adaptation::Conventional)));
    let mut bits = vec![8; trained.layers()];
    let before = right(&bits)?;
    while weight_memory(&trained.weights, &bits) > memory {
        let mut best: Option<(f64, u64, Vec<u32>)> = None;
        for layer in (0..bits.len()).filter(|&layer| bits[layer] > 2) {
            let mut fewer = bits.clone();
            fewer[layer] -= 1;
            let taken = weight_memory(&trained.weights, &fewer);
            let product = (before - right(&fewer)?).max(0.0) * taken as f64;
            if best.as_ref().is_none_or(|(least, most, _)| (product, taken) < (*least, *most)) {
                best = Some((product, taken, fewer));
            }
        }
        let Some((_, _, fewer)) = best else { break };
        bits = fewer;
    }
    Ok(bits)
}

/// The share of weights that is made 0 before retraining, where pruning is tried.
pub const PRUNED: f64 = 0.3;

/// λ of QR and WQR, fixed and growing to `greatest` in so many epochs; QR behind WQR counts in the last quarter, as in wess2018,
/// whose λ2 grows by 10 in each of 200 epochs and whose λ1 is 100 from epoch 150 on.
pub fn regularizers(greatest: f64, epochs: usize) -> Vec<(&'static str, Regularizer)> {
    let fixed = Lambda { fixed: greatest / 4.0, ..Lambda::default() };
    let growing = Lambda { growth: greatest / epochs.max(1) as f64, ..Lambda::default() };
    let late = Lambda { fixed: greatest / 2.0, growth: 0.0, start: epochs * 3 / 4 };
    vec![
        ("QR fixed", Regularizer { qr: fixed, wqr: Lambda::default() }),
        ("QR growing", Regularizer { qr: growing, wqr: Lambda::default() }),
        ("WQR growing", Regularizer { qr: Lambda::default(), wqr: growing }),
        ("WQR, then QR", Regularizer { qr: late, wqr: growing }),
    ]
}
