//! Images that nothing reads as images.

use std::collections::HashSet;

use serde_json::{Value as Json, json};

use crate::desc::types::Layer;

/// Makes a vector of an input image of one channel that only requantizers and dense layers read, so that a beat of the
/// circuit's input may hold several of its elements.
pub(super) fn flatten_input(input: &mut Json, layers: &[Layer]) {
    let Some([height, width, 1]) = extents(input) else { return };
    let mut images = HashSet::from(["input".to_owned()]);
    let mut last = "input".to_owned();
    for layer in layers {
        let Ok(layer) = serde_json::to_value(layer) else { return };
        let text = |key: &str| layer.get(key).and_then(Json::as_str).map(str::to_owned);
        let several = layer.get("inputs").and_then(Json::as_array).into_iter().flatten();
        if several.filter_map(Json::as_str).any(|operand| images.contains(operand)) {
            return;
        }
        let name = text("name").unwrap_or_default();
        if images.contains(&text("input").unwrap_or(last)) {
            match text("op").as_deref() {
                Some("requantize") => _ = images.insert(name.clone()),
                Some("dense") => {}
                _ => return,
            }
        }
        last = name;
    }
    input["shape"] = json!([height * width]);
}

fn extents(input: &Json) -> Option<[u64; 3]> {
    let shape = input.get("shape")?.as_array()?;
    let extents: Vec<u64> = shape.iter().filter_map(Json::as_u64).collect();
    extents.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(keys: &[Json]) -> Vec<Layer> {
        keys.iter().map(|keys| serde_json::from_value(keys.clone()).unwrap()).collect()
    }

    #[test]
    fn only_an_image_that_nothing_reads_as_one_becomes_a_vector() {
        let quant = json!({"name": "quant1", "op": "requantize", "output": {"format": "u2", "exp": 0}});
        let weights = json!({"codes": "w", "scheme": "ternary"});
        let dense = json!({"name": "fc1", "op": "dense", "outputs": 2, "weights": weights});
        let pool = json!({"name": "pool1", "op": "max_pool", "kernel": 2});
        let shape = |shape: Json, keys: &[Json]| {
            let mut input = json!({"shape": shape, "format": "u8"});
            flatten_input(&mut input, &layers(keys));
            input["shape"].clone()
        };
        assert_eq!(shape(json!([4, 6, 1]), &[quant.clone(), dense.clone()]), json!([24]));
        assert_eq!(shape(json!([4, 6, 2]), &[quant.clone(), dense.clone()]), json!([4, 6, 2]));
        assert_eq!(shape(json!([4, 6, 1]), &[quant.clone(), pool.clone(), dense.clone()]), json!([4, 6, 1]));
        let mut aside = pool;
        aside["input"] = json!("quant1");
        assert_eq!(shape(json!([4, 6, 1]), &[quant, dense, aside]), json!([4, 6, 1]));
    }
}
