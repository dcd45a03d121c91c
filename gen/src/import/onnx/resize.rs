//! Upsample and Resize, where every pixel of the result is one of the input, repeated.

use crate::error::{Error, Result};
use crate::import::graph::Op;

use super::Operands;
use super::constant::axis_of;
use super::file::Attributes;

/// What a resizing is, and the extents of what it makes.
pub fn upsample(operands: &Operands<'_>, input: &[usize]) -> Result<(Op, Vec<usize>)> {
    let attributes = operands.attributes();
    // Resize has a region of interest before the scales since version 11.
    let is_late = operands.op() == "Resize" && operands.values.len() > 2;
    let scales = operands.optional(if is_late { 2 } else { 1 })?.filter(|scales| !scales.values.is_empty());
    let sizes = operands.optional(3)?;
    let given: Vec<f64> = match (scales.or(sizes), scales.is_some()) {
        (Some(constant), _) => constant.values.iter().copied().collect(),
        (None, _) => return Err(Error::input("found neither scales nor sizes")),
    };
    let axes = match attributes.integers("axes") {
        Some(axes) => axes.iter().map(|&axis| axis_of(axis, input.len())).collect::<Result<Vec<_>>>()?,
        None => (0..input.len()).collect(),
    };
    let mut factors = vec![1.0; input.len()];
    for (&axis, value) in axes.iter().zip(&given) {
        factors[axis] = if scales.is_some() { *value } else { value / input[axis] as f64 };
    }
    let refused = |what: String| {
        Error::input(what).mend("only the nearest pixel, by whole factors of height and width, has a circuit")
    };
    if attributes.text("mode").is_some_and(|mode| mode != "nearest") {
        return Err(refused(format!("found the mode `{}`", attributes.text("mode").unwrap_or_default())));
    }
    let keeps_aspect = attributes.text("keep_aspect_ratio_policy").is_some_and(|policy| policy != "stretch");
    if keeps_aspect && scales.is_none() || given.len() != axes.len() {
        return Err(refused(format!("found sizes {given:?} of {input:?} that the aspect ratio changes")));
    }
    let whole = factors.iter().all(|factor| factor.fract() == 0.0 && (1.0..=4096.0).contains(factor));
    let [1.0, 1.0, down, right] = factors[..] else {
        return Err(refused(format!("found a resizing of {input:?} by {factors:?}")));
    };
    if !whole {
        return Err(refused(format!("found a resizing of {input:?} by {factors:?}")));
    }
    let factors = [down as usize, right as usize];
    for (axis, factor) in factors.into_iter().enumerate() {
        if is_late && !repeats(&attributes, input[axis + 2], factor)? {
            return Err(refused(format!(
                "found a resizing of {} pixels by {factor} that does not repeat each of them {factor} times",
                input[axis + 2]
            )));
        }
    }
    let shape = vec![input[0], input[1], input[2] * factors[0], input[3] * factors[1]];
    Ok((Op::Upsample(factors), shape))
}

/// Whether pixel i of the result is pixel i / factor of the input, for every i.
fn repeats(attributes: &Attributes<'_>, size: usize, factor: usize) -> Result<bool> {
    let named = |name: &str, absent: &str| attributes.text(name).unwrap_or_else(|| absent.to_owned());
    let (place, nearest) =
        (named("coordinate_transformation_mode", "half_pixel"), named("nearest_mode", "round_prefer_floor"));
    let made = size * factor;
    let at = |index: usize| -> Option<f64> {
        let index = index as f64;
        let half = (index + 0.5) / factor as f64 - 0.5;
        Some(match place.as_str() {
            "half_pixel" | "half_pixel_symmetric" => half,
            "pytorch_half_pixel" => {
                if made > 1 {
                    half
                } else {
                    0.0
                }
            }
            "tf_half_pixel_for_nn" => (index + 0.5) / factor as f64,
            "asymmetric" => index / factor as f64,
            "align_corners" if made > 1 => index * (size - 1) as f64 / (made - 1) as f64,
            "align_corners" => 0.0,
            _ => return None,
        })
    };
    let round = |place: f64| -> Option<f64> {
        Some(match nearest.as_str() {
            "round_prefer_floor" => (place - 0.5).ceil(),
            "round_prefer_ceil" => (place + 0.5).floor(),
            "floor" => place.floor(),
            "ceil" => place.ceil(),
            _ => return None,
        })
    };
    for index in 0..made {
        let Some(found) = at(index).and_then(round) else {
            return Err(Error::input(format!("found the coordinates `{place}`, rounded by `{nearest}`"))
                .mend("use `half_pixel` or `asymmetric` and `floor`"));
        };
        if found.clamp(0.0, size as f64 - 1.0) as usize != index / factor {
            return Ok(false);
        }
    }
    Ok(true)
}
