//! Scales handed from layer to layer: the same function, with steps that are powers of two.
//!
//! Where an activation passes a factor on (relu(a·x) = a·relu(x) for a > 0), a layer's numbers may be divided by a factor, and
//! the weights of the layers behind multiplied by it. So a step of least squared error becomes a power of two, and a result
//! a shift of its sums, where it would else take thresholds (after Nagel and others, arXiv 1906.04721, section 4.1).

use candle_core::Var;
use netetch::desc::types::{Per, Quantizer};
use netetch::float::Function;
use netetch::ir::Scheme;
use netetch::quant::quantize;

use crate::error::Result;
use crate::network::{Kind, Network};
use crate::precision::Wish;

impl Network {
    /// Makes the steps of the layers' codes powers of two, one scheme for each layer with weights, where what is behind a layer
    /// takes its factor up.
    ///
    /// # Errors
    /// When a scheme has no such quantizer, or memory is short.
    pub(crate) fn rescale(
        &self,
        schemes: &[Scheme],
        quantizer: Option<Quantizer>,
        wishes: &[Option<Wish>],
    ) -> Result<()> {
        for (node, &scheme) in self.weighted().zip(schemes) {
            let Some(behind) = self.behind(node, wishes) else { continue };
            let found = quantize(scheme, &self.weights(node)?, quantizer, Per::Layer)?;
            let scale = found.scale[0];
            if scale <= 0.0 || !scale.is_finite() {
                continue;
            }
            let factor = scale / scale.log2().round().exp2();
            if factor == 1.0 {
                continue;
            }
            let own = &self.nodes[node].parameters;
            for var in own.weight.iter().chain(&own.bias) {
                multiply(var, 1.0 / factor)?;
            }
            for weight in behind.iter().filter_map(|&reader| self.nodes[reader].parameters.weight.as_ref()) {
                multiply(weight, factor)?;
            }
        }
        Ok(())
    }

    /// The layers with weights that a layer's result comes to, through others that pass a factor on; none if it comes anywhere else,
    /// or if its format is given.
    fn behind(&self, node: usize, wishes: &[Option<Wish>]) -> Option<Vec<usize>> {
        let at = &self.nodes[node];
        let passes = match at.function {
            Function::None | Function::Leaky(_) => true,
            Function::Clip(low, high) => low == 0.0 && high == f32::INFINITY,
            Function::Sigmoid | Function::Tanh => false,
        };
        let given = matches!(wishes.get(node), Some(Some(Wish::Fixed(_))));
        if !passes || given || at.parameters.norm.is_some() {
            return None;
        }
        let readers: Vec<usize> = (node + 1..self.nodes.len())
            .filter(|&reader| self.nodes[reader].operands.contains(&node))
            .collect();
        let mut all = Vec::new();
        for &reader in &readers {
            let next = &self.nodes[reader];
            match next.kind {
                Kind::Dense | Kind::Conv2d { .. } => all.push(reader),
                Kind::MaxPool(_) | Kind::AveragePool(..) | Kind::Same if next.parameters.bias.is_none() => {
                    all.extend(self.behind(reader, wishes)?);
                }
                _ => return None,
            }
        }
        (!readers.is_empty()).then_some(all)
    }
}

fn multiply(var: &Var, factor: f64) -> Result<()> {
    Ok(var.set(&(var.as_detached_tensor() * factor)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forward::Signal;
    use crate::network::numbers;
    use crate::precision::{Codes, Format, Precision};
    use crate::random::Random;
    use serde_json::{Value, json};

    /// A layer with weights and a bias, and what `more` says.
    fn layer(name: &str, op: &str, outputs: u32, more: Value) -> Value {
        let mut layer = json!({
            "name": name, "op": op, "outputs": outputs, "bias": {"values": format!("{name}.bias")},
            "weights": {"values": format!("{name}.weight"), "scheme": "float"},
        });
        layer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        layer
    }

    fn scores(network: &Network) -> Vec<f64> {
        let mut random = Random::new(&[9]);
        let elements = network.nodes[0].shape.elements();
        let frames = (0..4 * elements).map(|_| random.normal()).collect();
        let values = network.tensor(frames, &[4, elements]).unwrap();
        let frames = Signal { values, unit: 1.0, is_integer: false };
        let real = Precision::real(network.nodes.len());
        numbers(&network.forward(frames, &real, false).unwrap().values).unwrap()
    }

    fn codes(network: &Network, schemes: &[Scheme]) -> Vec<Codes> {
        let one = |(node, &scheme)| {
            Codes::find(scheme, &network.weights(node).unwrap(), Some(Quantizer::Exact)).unwrap()
        };
        network.weighted().zip(schemes).map(one).collect()
    }

    #[test]
    fn inner_steps_become_powers_of_two_and_the_function_stays() {
        let network = Network::drawn(
            &[6, 6, 1],
            json!([
                layer("c1", "conv2d", 3, json!({"kernel": 3, "activation": "relu", "output": {"format": "float"}})),
                {"name": "p1", "op": "max_pool", "kernel": 2},
                layer("c2", "conv2d", 4, json!({"kernel": 2, "activation": {"leaky": 0.25}, "output": {"format": "float"}})),
                layer("d1", "dense", 6, json!({"activation": "relu", "output": {"format": "float"}})),
                layer("d2", "dense", 3, json!({})),
            ]),
        );
        let schemes = [Scheme::Ternary, Scheme::Dfp { bits: 3 }, Scheme::Ternary, Scheme::Dfp { bits: 4 }];
        let (before, scores_before) = (codes(&network, &schemes), scores(&network));
        assert!(before.iter().all(|codes| codes.scale != 1.0), "{before:?}");
        network.rescale(&schemes, Some(Quantizer::Exact), &[]).unwrap();
        let after = codes(&network, &schemes);
        assert_eq!([0, 1, 2].map(|layer| after[layer].scale), [1.0; 3]);
        assert_ne!(after[3].scale, 1.0);
        // What the last layer takes up is what the one before gave.
        let factor = before[3].unit() / after[3].unit();
        assert!(factor > 0.7 && factor < 1.42, "{factor}");
        for (before, after) in scores_before.iter().zip(scores(&network)) {
            assert!((after - before).abs() < 1e-9 * before.abs().max(1.0), "{before} {after}");
        }
        // Once more changes nothing.
        let weights =
            |network: &Network| network.weighted().map(|n| network.weights(n).unwrap()).collect::<Vec<_>>();
        let before = weights(&network);
        network.rescale(&schemes, Some(Quantizer::Exact), &[]).unwrap();
        for (before, after) in before.iter().zip(weights(&network)) {
            assert!((before - &after).iter().all(|difference| difference.abs() < 1e-9));
        }
    }

    #[test]
    fn a_layer_that_is_added_or_has_a_format_stays() {
        let relu = json!({"activation": "relu", "output": {"format": "float"}});
        let network = Network::drawn(
            &[6],
            json!([
                layer("a", "dense", 4, relu.clone()),
                layer("b", "dense", 4, json!({"input": "x", "activation": "relu", "output": {"format": "float"}})),
                {"name": "sum", "op": "add", "inputs": ["a", "b"], "activation": "relu", "output": {"format": "float"}},
                layer("given", "dense", 5, relu),
                layer("last", "dense", 2, json!({})),
            ]),
        );
        let schemes = [Scheme::Ternary; 4];
        let format = Format { signed: false, bits: 4, exp: -1 };
        let mut wishes = vec![None; 6];
        wishes[4] = Some(Wish::Fixed(format));
        let before = codes(&network, &schemes);
        network.rescale(&schemes, Some(Quantizer::Exact), &wishes).unwrap();
        assert_eq!(codes(&network, &schemes), before);
        network.rescale(&schemes, Some(Quantizer::Exact), &[]).unwrap();
        let after = codes(&network, &schemes);
        assert_eq!((after[0], after[1], after[2].scale), (before[0], before[1], 1.0));
        assert_ne!(before[2].scale, 1.0);
    }
}
