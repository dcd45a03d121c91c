//! ONNX's own tests of operators with integer meaning, element by element.
//!
//! Of real numbers those are here whose input and output are whole numbers; they go in as they are. Left out are, of
//! the tests of version 1.16.2:
//!
//! - `quantizelinear*`, `dynamicquantizelinear*`, `dequantizelinear*`, `identity*`, `reshape*`, `flatten*`, `transpose*`,
//!   `squeeze*`, `unsqueeze*`: nothing is left of them in a circuit, which takes and gives integers.
//! - `clip*`, `relu*`, `leakyrelu*`, `prelu*`, `batchnorm*`, `add*`, `sub*`, `mul*`, `div*` with real numbers, `conv`,
//!   `gemm*`, `matmul*`, `globalaveragepool`, `reduce_mean*`, other `averagepool*`, `maxpool*` and `softmax*`: real
//!   numbers without a quantizer; `*_uint8` of two tensors: both go in.
//! - `concat*`: two inputs. Batches, but for rows of a matrix, one by one: `argmax_default_axis*`, `matmulinteger` in three
//!   dimensions, `qlinearmatmul_3D*`, whose matrices each have weights of their own.
//! - `*_select_last_index` of a tie, `top_k*` of three, `maxpool_*_ceil*`, `*_dilations`, `maxpool_with_argmax*`, three
//!   dimensions, `resize*` by factors that are no whole numbers or not to the nearest pixel: refused, no circuit does so.
//! - `*_float16` repeat others with scales in half precision, which is not read; the last output of
//!   `qlinearmatmul_2D_int8_float32` is −236 wrapped to 20, where the standard saturates.

use std::path::{Path, PathBuf};

use ndarray::Array2;
use netetch::import::{self, Options};
use netetch::ir::Scale;
use netetch_schemas::onnx::tensor_proto::DataType;
use netetch_schemas::onnx::tensor_shape_proto::dimension;
use netetch_schemas::onnx::{ModelProto, TensorProto, type_proto};
use netetch_schemas::prost::Message;

use crate::build::file;
use crate::shared::{graph, input, run};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("gen/tests/import/nodes").join(name)
}

fn tensor(path: &Path) -> TensorProto {
    TensorProto::decode(&std::fs::read(path).unwrap()[..]).unwrap()
}

/// The elements, in the order of the file.
fn numbers(tensor: &TensorProto) -> Vec<f64> {
    let bytes = tensor.raw_data();
    fn parts<const N: usize>(bytes: &[u8], of: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        bytes.chunks_exact(N).map(|part| of(part.try_into().unwrap())).collect()
    }
    match DataType::try_from(tensor.data_type()).unwrap() {
        DataType::Uint8 => parts(bytes, |[byte]| byte.into()),
        DataType::Int8 => parts(bytes, |[byte]| (byte as i8).into()),
        DataType::Int32 => parts(bytes, |part| i32::from_le_bytes(part).into()),
        DataType::Int64 => parts(bytes, |part| i64::from_le_bytes(part) as f64),
        DataType::Float => parts(bytes, |part| f32::from_le_bytes(part).into()),
        other => panic!("found elements of type {other:?}"),
    }
}

/// An image's elements channels last; others as they are.
fn channels_last(tensor: &TensorProto) -> Vec<f64> {
    let numbers = numbers(tensor);
    let [1, channels, height, width] = tensor.dims[..] else { return numbers };
    let (channels, pixels) = (channels as usize, (height * width) as usize);
    (0..numbers.len()).map(|at| numbers[(at % channels) * pixels + at / channels]).collect()
}

/// The model with all inputs but the first as constants, for one row of a matrix at a time, and the rows.
fn model(name: &str) -> (Vec<u8>, Array2<i32>, Options) {
    let folder = folder(name);
    let mut model = ModelProto::decode(&std::fs::read(folder.join("model.onnx")).unwrap()[..]).unwrap();
    let network = model.graph.as_mut().unwrap();
    for (index, input) in network.input.iter().enumerate().skip(1) {
        let constant = tensor(&folder.join(format!("input_{index}.pb")));
        network.initializer.push(TensorProto { name: input.name.clone(), ..constant });
    }
    network.input.truncate(1);
    let x = tensor(&folder.join("input_0.pb"));
    let rows = x.dims[0];
    let kind = network.input[0].r#type.as_mut().and_then(|kind| kind.value.as_mut()).unwrap();
    let type_proto::Value::TensorType(kind) = kind else { panic!("found no tensor") };
    kind.shape.as_mut().unwrap().dim[0].value = Some(dimension::Value::DimValue(1));
    let is_real = kind.elem_type() == DataType::Float as i32;
    let values: Vec<i32> = channels_last(&x).into_iter().map(|value| value as i32).collect();
    let elements = values.len() / rows as usize;
    let options = if is_real { input("s16", 1.0) } else { Options::default() };
    (model.encode_to_vec(), Array2::from_shape_vec((rows as usize, elements), values).unwrap(), options)
}

/// Compares integers as they are, and of real numbers what they stand for.
fn check(name: &str) {
    let (bytes, frames, options) = model(name);
    let (_folder, path) = file("onnx", &bytes);
    let graph = graph(&path, &options);
    let found = run(&graph, &frames);
    let expected = tensor(&folder(name).join("output_0.pb"));
    let is_real = DataType::try_from(expected.data_type()).unwrap() == DataType::Float;
    let fact = &graph[graph.outputs()[0]].fact;
    let Scale { zero, scale } = fact.unit();
    let meant = |&value: &i64| match is_real {
        true => (value - zero) as f64 * scale * 2_f64.powi(fact.format.exp),
        false => value as f64,
    };
    assert_eq!(found.iter().map(meant).collect::<Vec<f64>>(), channels_last(&expected), "{name}");
}

#[test]
fn onnx_node_tests_give_their_outputs() {
    for name in [
        "argmax_keepdims_example",
        "argmax_negative_axis_keepdims_example",
        "argmax_no_keepdims_example",
        "basic_conv_with_padding",
        "basic_conv_without_padding",
        "conv_with_autopad_same",
        "conv_with_strides_and_asymmetric_padding",
        "conv_with_strides_no_padding",
        "conv_with_strides_padding",
        "convinteger_with_padding",
        "convinteger_without_padding",
        "depthtospace_crd_mode_example",
        "depthtospace_example",
        "globalmaxpool_precomputed",
        "matmulinteger",
        "maxpool_2d_precomputed_pads",
        "maxpool_2d_precomputed_same_upper",
        "maxpool_2d_precomputed_strides",
        "maxpool_2d_uint8",
        "qlinearconv",
        "qlinearmatmul_2D_uint8_float32",
        "resize_upsample_scales_nearest",
        "resize_upsample_scales_nearest_axes_2_3",
        "resize_upsample_scales_nearest_axes_3_2",
        "upsample_nearest",
    ] {
        check(name);
    }
}

/// A last mean's division is left out, as every last factor is: the circuit ends at the sums.
#[test]
fn last_means_are_sums() {
    for (name, pixels) in [("averagepool_2d_precomputed_strides", 4), ("globalaveragepool_precomputed", 9)] {
        let (bytes, frames, options) = model(name);
        let (_folder, path) = file("onnx", &bytes);
        let found = run(&graph(&path, &options), &frames).mapv(|sum| sum as f64 / f64::from(pixels));
        let expected = channels_last(&tensor(&folder(name).join("output_0.pb")));
        assert_eq!(found.into_iter().collect::<Vec<f64>>(), expected, "{name}");
    }
}

#[test]
fn a_resizing_that_repeats_no_pixel_evenly_is_refused() {
    for name in ["ceil_half_pixel", "floor_align_corners", "round_prefer_ceil_asymmetric"] {
        let (bytes, _, options) = model(&format!("resize_upsample_sizes_nearest_{name}"));
        let (_folder, path) = file("onnx", &bytes);
        let message = import::read(&path, &options).unwrap_err().to_string();
        assert!(message.contains("does not repeat each of them 2 times"), "{message}");
    }
}
