//! Cases of the sliding window.

use crate::case::{Case, Random};

/// A window's geometry; see the parameters of `window`.
#[derive(Clone, Copy)]
struct Geometry {
    map: (usize, usize),
    groups: usize,
    kernel: (usize, usize),
    stride: (usize, usize),
    /// Top, bottom, left, right.
    pad: [usize; 4],
    folds: usize,
    depthwise: bool,
    /// Beats of a pixel to a fold, and folds before the next ones come; by the fields above where absent.
    split: Option<(usize, usize)>,
    dilation: (usize, usize),
    rows: usize,
    pixels: usize,
    registered: bool,
}

impl Geometry {
    /// Rows and columns from the first place of the kernel to the last.
    fn span(&self) -> (usize, usize) {
        ((self.kernel.0 - 1) * self.dilation.0 + 1, (self.kernel.1 - 1) * self.dilation.1 + 1)
    }

    fn split(&self) -> (usize, usize) {
        self.split.unwrap_or(if self.depthwise { (1, 1) } else { (self.groups, self.folds) })
    }
}

const LANES: usize = 2;
const BITS: usize = 6;
const PAD_CODE: i64 = 37;
const FRAMES: usize = 4;

/// All cases of this file.
pub fn cases() -> Vec<Case> {
    let base = Geometry {
        map: (6, 5),
        groups: 2,
        kernel: (3, 3),
        stride: (1, 1),
        pad: [1; 4],
        folds: 2,
        depthwise: false,
        split: None,
        dilation: (1, 1),
        rows: 4,
        pixels: 1,
        registered: false,
    };
    let none = [0; 4];
    let pool =
        Geometry { kernel: (2, 2), stride: (2, 2), pad: none, folds: 2, depthwise: true, rows: 4, ..base };
    let dense = Geometry { map: (1, 1), groups: 5, kernel: (1, 1), pad: none, folds: 3, rows: 2, ..base };
    [
        ("same", base),
        ("valid", Geometry { pad: none, ..base }),
        ("dense", dense),
        ("dense_single", Geometry { groups: 1, folds: 1, ..dense }),
        ("dense_deep", Geometry { rows: 5, ..dense }),
        ("pool", pool),
        ("pool_odd", Geometry { map: (7, 7), ..pool }),
        ("pool_overlap", Geometry { kernel: (3, 3), rows: 5, ..pool }),
        ("pool_single", Geometry { groups: 1, folds: 1, ..pool }),
        ("global_pool", Geometry { map: (3, 4), kernel: (3, 4), rows: 6, ..pool }),
        (
            "pointwise_stride",
            Geometry { kernel: (1, 1), stride: (2, 3), pad: none, rows: 2, folds: 1, ..base },
        ),
        ("wide_stride", Geometry { kernel: (2, 1), stride: (3, 2), map: (8, 7), rows: 3, ..base }),
        ("asymmetric", Geometry { pad: [0, 2, 2, 1], stride: (2, 2), rows: 5, ..base }),
        (
            "large_pad",
            Geometry { map: (3, 3), kernel: (5, 5), pad: [2; 4], rows: 5, groups: 1, folds: 1, ..base },
        ),
        ("tall", Geometry { map: (9, 1), kernel: (3, 1), pad: [1, 1, 0, 0], ..base }),
        ("long", Geometry { map: (1, 9), kernel: (1, 3), pad: [0, 0, 1, 1], rows: 2, ..base }),
        ("row_of_one", Geometry { map: (1, 9), kernel: (1, 4), pad: none, rows: 1, ..base }),
        ("dilated", Geometry { map: (9, 8), dilation: (2, 3), pad: [1, 2, 3, 0], rows: 6, ..base }),
        ("dilated_pool", Geometry { map: (7, 7), dilation: (3, 2), rows: 6, ..pool }),
        ("split", Geometry { groups: 6, folds: 6, split: Some((2, 2)), ..base }),
        (
            "split_dilated",
            Geometry {
                groups: 4,
                folds: 2,
                split: Some((2, 1)),
                dilation: (1, 2),
                stride: (2, 1),
                rows: 5,
                ..base
            },
        ),
        ("tight", Geometry { rows: 3, ..base }),
        ("pixels_same", Geometry { pixels: 2, ..base }),
        ("pixels_more_than_width", Geometry { pixels: 7, ..base }),
        ("pixels_stride", Geometry { pixels: 3, stride: (2, 2), map: (6, 11), pad: [1, 0, 1, 0], ..base }),
        ("pixels_wide_pad", Geometry { pixels: 2, kernel: (5, 5), pad: [2; 4], rows: 6, ..base }),
        ("pixels_pool", Geometry { pixels: 2, map: (7, 9), ..pool }),
        (
            "pixels_pointwise",
            Geometry { pixels: 3, kernel: (1, 1), pad: none, groups: 3, folds: 1, rows: 2, ..base },
        ),
        ("first_replay", Geometry { groups: 1, folds: 3, ..dense }),
        ("first_advance", Geometry { groups: 3, folds: 3, depthwise: true, ..dense }),
        ("first_pixel", Geometry { map: (4, 4), groups: 1, folds: 1, ..dense }),
        ("first_row", Geometry { map: (4, 1), groups: 1, folds: 1, ..dense }),
        ("pixels_first_round", Geometry { pixels: 2, groups: 1, folds: 1, ..base }),
        ("registered", Geometry { registered: true, ..base }),
        ("registered_valid", Geometry { registered: true, pad: none, ..base }),
        ("pixels_registered", Geometry { registered: true, pixels: 2, ..base }),
        ("pixels_split", Geometry { pixels: 2, groups: 4, folds: 4, split: Some((2, 2)), ..base }),
    ]
    .map(|(name, geometry)| case(name, geometry))
    .into()
}

fn case(name: &str, geometry: Geometry) -> Case {
    let (height, width) = geometry.map;
    let mut random = Random::new(6);
    let frames: Vec<Vec<i64>> =
        (0..FRAMES).map(|_| random.vector(height * width * geometry.groups * LANES, 0, 63)).collect();
    let sent: Vec<Vec<i64>> =
        frames.iter().flat_map(|frame| frame.chunks(LANES).map(<[i64]>::to_vec)).collect();
    let expected: Vec<Vec<i64>> = frames.iter().flat_map(|frame| windows(frame, geometry)).collect();
    let mut case = Case::new(format!("window_{name}"), "paced_window")
        .with("BITS", BITS)
        .with("LANES", LANES)
        .with("HEIGHT", height)
        .with("WIDTH", width)
        .with("GROUPS", geometry.groups)
        .with("KERNEL_H", geometry.kernel.0)
        .with("KERNEL_W", geometry.kernel.1)
        .with("STRIDE_H", geometry.stride.0)
        .with("STRIDE_W", geometry.stride.1)
        .with("PAD_TOP", geometry.pad[0])
        .with("PAD_BOTTOM", geometry.pad[1])
        .with("PAD_LEFT", geometry.pad[2])
        .with("PAD_RIGHT", geometry.pad[3])
        .with("PAD_VALUE", PAD_CODE as usize)
        .with("FOLDS", geometry.folds)
        .with("INNER", geometry.split().0)
        .with("REPLAYS", geometry.split().1)
        .with("DILATION_H", geometry.dilation.0)
        .with("DILATION_W", geometry.dilation.1)
        .with("ROWS", geometry.rows)
        .with("PIXELS", geometry.pixels)
        .with("REGISTERED", usize::from(geometry.registered))
        .with("PLACES", 5 + usize::from(geometry.registered))
        .sends(&sent, LANES, BITS)
        .expects(&expected, LANES * geometry.pixels, BITS);
    let first_rows = (geometry.span().0 - geometry.pad[0]).min(height);
    case.latency = Some((first_rows * width * geometry.groups) as i64 + 3 + i64::from(geometry.registered));
    if matches!(name, "same" | "dense" | "dense_deep" | "pixels_same" | "registered") {
        case.span = Some(expected.len() as i64 - 1);
    }
    case
}

/// The beats of a frame's windows, straight from the definition.
fn windows(frame: &[i64], geometry: Geometry) -> Vec<Vec<i64>> {
    let (height, width) = geometry.map;
    let [top, bottom, left, right] = geometry.pad;
    let out_height = (height + top + bottom - geometry.span().0) / geometry.stride.0 + 1;
    let out_width = (width + left + right - geometry.span().1) / geometry.stride.1 + 1;
    let element = |row: usize, column: usize, channel: usize| {
        let inside = (top..top + height).contains(&row) && (left..left + width).contains(&column);
        if !inside {
            return PAD_CODE;
        }
        frame[((row - top) * width + column - left) * geometry.groups * LANES + channel]
    };
    let mut out = Vec::new();
    for oy in 0..out_height {
        for first in (0..out_width).step_by(geometry.pixels) {
            for (fold, ky, kx, group) in order(geometry) {
                let (inner, replays) = geometry.split();
                let group = fold / replays * inner + group;
                let mut beat = Vec::new();
                for ox in first..first + geometry.pixels {
                    for lane in 0..LANES {
                        let row = oy * geometry.stride.0 + ky * geometry.dilation.0;
                        let column = ox * geometry.stride.1 + kx * geometry.dilation.1;
                        beat.push(element(row, column, group * LANES + lane));
                    }
                }
                out.push(beat);
            }
        }
    }
    out
}

/// Fold, kernel row, kernel column and group of every beat of a window.
fn order(geometry: Geometry) -> Vec<(usize, usize, usize, usize)> {
    let (groups, _) = geometry.split();
    let mut out = Vec::new();
    for fold in 0..geometry.folds {
        for ky in 0..geometry.kernel.0 {
            for kx in 0..geometry.kernel.1 {
                out.extend((0..groups).map(|group| (fold, ky, kx, group)));
            }
        }
    }
    out
}
