//! Small TensorFlow Lite files, built piece by piece.

use netetch_schemas::planus::Builder;
use netetch_schemas::tflite::{self, BuiltinOperator, BuiltinOptions, TensorType};

/// A TensorFlow Lite model under construction; tensors are called by their place.
#[derive(Default)]
pub struct Lite {
    network: tflite::SubGraph,
    codes: Vec<tflite::OperatorCode>,
    buffers: Vec<tflite::Buffer>,
}

impl Lite {
    /// Integers of this scale and zero.
    pub fn tensor(mut self, name: &str, shape: &[i32], kind: TensorType, scale: f32, zero: i64) -> Self {
        let quantization = tflite::QuantizationParameters {
            scale: Some(vec![scale]),
            zero_point: Some(vec![zero]),
            ..Default::default()
        };
        self.network.tensors.get_or_insert_default().push(tflite::Tensor {
            name: Some(name.into()),
            shape: Some(shape.to_vec()),
            type_: kind,
            quantization: Some(Box::new(quantization)),
            ..Default::default()
        });
        self
    }

    /// Makes a constant of the tensor before.
    pub fn holding(mut self, bytes: impl IntoIterator<Item = u8>) -> Self {
        if self.buffers.is_empty() {
            self.buffers.push(tflite::Buffer::default());
        }
        let tensor = self.network.tensors.as_mut().and_then(|tensors| tensors.last_mut()).unwrap();
        tensor.buffer = self.buffers.len() as u32;
        self.buffers.push(tflite::Buffer { data: Some(bytes.into_iter().collect()) });
        self
    }

    pub fn operator(
        mut self,
        code: BuiltinOperator,
        inputs: &[i32],
        output: i32,
        options: Option<BuiltinOptions>,
    ) -> Self {
        self.network.operators.get_or_insert_default().push(tflite::Operator {
            opcode_index: self.codes.len() as u32,
            inputs: Some(inputs.to_vec()),
            outputs: Some(vec![output]),
            builtin_options: options,
            ..Default::default()
        });
        let deprecated_builtin_code = i8::try_from(code as i32).unwrap_or(i8::MAX);
        self.codes.push(tflite::OperatorCode {
            deprecated_builtin_code,
            builtin_code: code,
            ..Default::default()
        });
        self
    }

    pub fn bytes(mut self, input: i32, output: i32) -> Vec<u8> {
        (self.network.inputs, self.network.outputs) = (Some(vec![input]), Some(vec![output]));
        let model = tflite::Model {
            version: 3,
            operator_codes: Some(self.codes),
            subgraphs: Some(vec![self.network]),
            buffers: Some(self.buffers),
            ..Default::default()
        };
        // The builder puts the mark before the root's offset; readers have it behind.
        let mut bytes = Builder::new().finish(model, Some(*b"TFL3")).to_vec();
        let root = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]) + 4;
        bytes[..4].copy_from_slice(&root.to_le_bytes());
        bytes[4..8].copy_from_slice(b"TFL3");
        bytes
    }
}
