//! The state of each leaf's handshake, register by register, without the data.

use std::collections::VecDeque;

use super::leaf::{Converter, Leaf, Pace, SoftmaxPace, WindowLeaf};
use super::stage::Part;

/// The handshakes of leaves in a row: of each, and of what lies between one that issues beats and the buffer of their
/// results as one.
pub(super) fn models<'a>(parts: impl Iterator<Item = &'a Part>) -> Vec<Model> {
    let mut models = Vec::new();
    let mut leaves = parts.map(|part| &part.leaf);
    while let Some(leaf) = leaves.next() {
        let Some(&pace) = leaf.pace() else {
            models.extend(Model::new(leaf));
            continue;
        };
        let inside = leaves.by_ref().take_while(|leaf| !matches!(leaf, Leaf::ResultBuffer { .. }));
        let latency = leaf.latency() + inside.map(Leaf::latency).sum::<usize>();
        models.push(Model::Flow(Box::new(FlowModel::new(leaf, pace, latency))));
    }
    models
}

/// The state of one leaf's handshake.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Model {
    /// A pipeline under one enable: a beat out for every `period` beats in, `latency` registers. Refuses
    /// beats in the first `priming` cycles after reset.
    Pipeline {
        period: usize,
        latency: usize,
        priming: u8,
        count: usize,
        valids: u64,
    },
    Skid {
        held: usize,
    },
    Split {
        ends: Narrow,
        valid: bool,
    },
    Gather {
        ends: Narrow,
        valid: bool,
    },
    /// `argmax`: takes all but the last element of the next vector while a result waits.
    ArgMax {
        length: usize,
        count: usize,
        valid: bool,
    },
    /// `softmax`: of a vector, the elements taken, those given, and the cycles until the next is there.
    Softmax {
        pace: SoftmaxPace,
        taken: usize,
        given: usize,
        wait: usize,
    },
    Flow(Box<FlowModel>),
    Serializer(SerializerModel),
    /// `concat_streams`: whose turn it is, and the beats of its vector that have come.
    Concat {
        beats: Vec<usize>,
        turn: usize,
        count: usize,
        valid: bool,
    },
}

/// Where a narrow beat stands in its wide beat and in its vector.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Narrow {
    ratio: usize,
    beats: usize,
    phase: usize,
    beat: usize,
}

impl Narrow {
    fn new(converter: &Converter) -> Self {
        let (narrow, wide) =
            (converter.in_lanes.min(converter.out_lanes), converter.in_lanes.max(converter.out_lanes));
        Narrow { ratio: wide / narrow, beats: converter.length.div_ceil(narrow), phase: 0, beat: 0 }
    }

    fn ends(&self) -> bool {
        self.beat + 1 == self.beats || self.phase + 1 == self.ratio
    }

    fn pass(&mut self) {
        self.phase = if self.ends() { 0 } else { self.phase + 1 };
        self.beat = (self.beat + 1) % self.beats;
    }
}

impl Model {
    fn new(leaf: &Leaf) -> Option<Self> {
        let pipeline = |period, latency| {
            // A leaf that reads its ROM in a fixed order fetches the first words then.
            let priming = match leaf {
                Leaf::MacArray(_)
                | Leaf::RequantizeShift(_)
                | Leaf::RequantizeMultiply(_)
                | Leaf::Threshold(_) => 2,
                _ => 0,
            };
            Some(Model::Pipeline { period, latency, priming, count: 0, valids: 0 })
        };
        match leaf {
            Leaf::SkidBuffer { .. } => Some(Model::Skid { held: 0 }),
            Leaf::WidthConverter(converter) if converter.in_lanes > converter.out_lanes => {
                Some(Model::Split { ends: Narrow::new(converter), valid: false })
            }
            Leaf::WidthConverter(converter) => {
                Some(Model::Gather { ends: Narrow::new(converter), valid: false })
            }
            Leaf::MacArray(array) => pipeline(array.steps, leaf.latency()),
            Leaf::ReduceMax { steps, .. } | Leaf::ReduceSum { steps, .. } => pipeline(*steps, leaf.latency()),
            Leaf::ArgMax { length, .. } => Some(Model::ArgMax { length: *length, count: 0, valid: false }),
            Leaf::Softmax { length, .. } => {
                Some(Model::Softmax { pace: SoftmaxPace::of(*length), taken: 0, given: 0, wait: 0 })
            }
            Leaf::RequantizeShift(_)
            | Leaf::RequantizeMultiply(_)
            | Leaf::Threshold(_)
            | Leaf::LookupTable { .. }
            | Leaf::AddStreams { .. } => pipeline(1, leaf.latency()),
            Leaf::ConcatStreams { beats, .. } => {
                Some(Model::Concat { beats: beats.clone(), turn: 0, count: 0, valid: false })
            }
            Leaf::Recode { .. }
            | Leaf::LaneMask { .. }
            | Leaf::Window(_)
            | Leaf::BeatIssue { .. }
            | Leaf::BeatGate { .. }
            | Leaf::Unrolled(_)
            | Leaf::ArgMaxTree { .. }
            | Leaf::ResultBuffer { .. } => None,
            Leaf::PixelSerializer { pixels, folds, width, .. } => {
                Some(Model::Serializer(SerializerModel::new(*pixels, *folds, *width)))
            }
            Leaf::BlockExpand(leaf) => {
                let (taken, given) = (leaf.row_taken(), leaf.rows_given());
                Some(Model::Serializer(SerializerModel::of_groups(taken, given, given, 1)))
            }
        }
    }

    /// The rows that its ring needed so far.
    pub fn rows(&self) -> usize {
        match self {
            Model::Flow(flow) => flow.window.as_ref().map_or(0, |window| window.most),
            _ => 0,
        }
    }

    pub fn valid(&self) -> bool {
        match self {
            Model::Pipeline { latency, valids, .. } => valids >> (latency - 1) & 1 == 1,
            Model::Skid { held } => *held > 0,
            Model::Split { valid, .. }
            | Model::Gather { valid, .. }
            | Model::Concat { valid, .. }
            | Model::ArgMax { valid, .. } => *valid,
            Model::Softmax { pace, taken, wait, .. } => *taken == pace.length && *wait == 0,
            Model::Flow(flow) => flow.held > 0,
            Model::Serializer(serializer) => serializer.valid,
        }
    }

    pub fn ready(&self, downstream: bool) -> bool {
        match self {
            Model::Pipeline { priming, .. } => *priming == 0 && (!self.valid() || downstream),
            Model::Gather { .. } | Model::Concat { .. } => !self.valid() || downstream,
            Model::ArgMax { length, count, valid } => {
                !valid || count + 1 < *length || (*length == 1 && downstream)
            }
            Model::Skid { held } => *held < 2,
            Model::Softmax { pace, taken, .. } => *taken < pace.length,
            Model::Split { ends, valid } => !valid || (downstream && ends.ends()),
            Model::Flow(flow) => flow.ready(),
            Model::Serializer(serializer) => serializer.groups_held < 2,
        }
    }

    /// A clock edge: `taken` says whether a beat comes in, `accepted` whether one may go out.
    pub fn step(&mut self, taken: bool, accepted: bool) {
        let gives = self.valid() && accepted;
        let enable = !self.valid() || accepted;
        match self {
            Model::Pipeline { period, priming, count, valids, .. } => {
                *priming = priming.saturating_sub(1);
                if enable {
                    let last = taken && *count + 1 == *period;
                    *count = if last { 0 } else { *count + usize::from(taken) };
                    *valids = *valids << 1 | u64::from(last);
                }
            }
            Model::Skid { held } => *held = *held + usize::from(taken) - usize::from(gives),
            Model::Split { ends, valid } => {
                let refill = !*valid || (accepted && ends.ends());
                if gives {
                    ends.pass();
                }
                if refill {
                    *valid = taken;
                }
            }
            Model::Gather { ends, valid } => {
                if enable {
                    *valid = taken && ends.ends();
                }
                if taken {
                    ends.pass();
                }
            }
            Model::Concat { beats, turn, count, valid } => {
                if enable {
                    *valid = taken;
                }
                if taken {
                    *count += 1;
                    if *count == beats[*turn] {
                        (*count, *turn) = (0, (*turn + 1) % beats.len());
                    }
                }
            }
            Model::ArgMax { length, count, valid } => {
                *valid &= !accepted;
                if taken {
                    *count = (*count + 1) % *length;
                    *valid |= *count == 0;
                }
            }
            Model::Softmax { pace, taken: held, given, wait } => {
                *wait = wait.saturating_sub(1);
                if taken {
                    *held += 1;
                    *wait = if *held == pace.length { pace.first - 1 } else { 0 };
                }
                if gives {
                    *given = (*given + 1) % pace.length;
                    *wait = pace.next - 1;
                    *held = if *given == 0 { 0 } else { *held };
                }
            }
            Model::Flow(flow) => flow.step(taken, gives),
            Model::Serializer(serializer) => serializer.step(taken, enable),
        }
    }
}

/// Issued beats on their way to a `result_buffer`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FlowModel {
    /// `window`; else beats are issued as they come.
    window: Option<WindowModel>,
    steps: usize,
    /// Beats of the next result issued.
    count: usize,
    /// Free places, as `issue_gate` sees them.
    places: usize,
    /// Results under way, by the cycles that they have been.
    under_way: VecDeque<bool>,
    /// Results in the buffer.
    held: usize,
    /// Whether one left in the last cycle.
    freed: bool,
}

impl FlowModel {
    fn new(source: &Leaf, pace: Pace, latency: usize) -> Self {
        let window = match source {
            Leaf::Window(window) => Some(WindowModel::new(window)),
            _ => None,
        };
        let under_way = VecDeque::from(vec![false; latency]);
        FlowModel {
            window,
            steps: pace.steps,
            count: 0,
            places: pace.places,
            under_way,
            held: 0,
            freed: false,
        }
    }

    fn open(&self) -> bool {
        self.count + 1 < self.steps || self.places > 0
    }

    fn ready(&self) -> bool {
        self.window.as_ref().map_or_else(|| self.open(), |window| window.room > 0)
    }

    fn step(&mut self, taken: bool, gives: bool) {
        let open = self.open();
        let issue = match &mut self.window {
            Some(window) => window.step(taken, open),
            None => taken,
        };
        let ends = issue && self.count + 1 == self.steps;
        self.count = if ends { 0 } else { self.count + usize::from(issue) };
        self.under_way.push_back(ends);
        let comes = self.under_way.pop_front() == Some(true);
        self.held = self.held + usize::from(comes) - usize::from(gives);
        self.places = self.places + usize::from(self.freed) - usize::from(ends);
        self.freed = gives;
    }
}

/// The row bookkeeping of `window`.
#[derive(Clone, Debug, PartialEq)]
struct WindowModel {
    height: i64,
    row_words: usize,
    row_beats: usize,
    out_rows: i64,
    stride: i64,
    first_need: i64,
    first_next: i64,
    written: usize,
    issued: usize,
    complete: i64,
    need: i64,
    base: i64,
    next: i64,
    room: i64,
    out_row: i64,
    rows: i64,
    /// The rows that held a beat or were about to, at most.
    most: usize,
}

impl WindowModel {
    fn new(leaf: &WindowLeaf) -> Self {
        let extent = |size: usize, pads: [usize; 2], axis: usize| {
            (size + pads[0] + pads[1] - leaf.span()[axis]) / leaf.stride[axis] + 1
        };
        let columns = extent(leaf.width, leaf.pad_columns, 1).div_ceil(leaf.pixels);
        let (height, stride) = (leaf.height as i64, leaf.stride[0] as i64);
        let first_need = (leaf.span()[0] as i64 - leaf.pad_rows[0] as i64).clamp(1, height);
        WindowModel {
            height,
            row_words: leaf.width * leaf.groups,
            row_beats: columns * leaf.folds * leaf.kernel[0] * leaf.kernel[1] * leaf.inner,
            out_rows: extent(leaf.height, leaf.pad_rows, 0) as i64,
            stride,
            first_need,
            first_next: stride - leaf.pad_rows[0] as i64,
            written: 0,
            issued: 0,
            complete: 0,
            need: first_need,
            base: 0,
            next: stride - leaf.pad_rows[0] as i64,
            room: leaf.rows as i64,
            out_row: 0,
            rows: leaf.rows as i64,
            most: 0,
        }
    }

    /// A clock edge; whether a beat is issued.
    fn step(&mut self, taken: bool, open: bool) -> bool {
        let present = self.complete >= self.need;
        let issue = open && (self.issued > 0 || present);
        if taken {
            self.most = self.most.max((self.rows - self.room + 1) as usize);
            self.written += 1;
            if self.written == self.row_words {
                self.written = 0;
                self.complete += 1;
                self.room -= 1;
            }
        }
        if issue {
            self.issued += 1;
            if self.issued == self.row_beats {
                self.issued = 0;
                self.end_row();
            }
        }
        issue
    }

    fn end_row(&mut self) {
        let last = self.out_row + 1 == self.out_rows;
        let base = if last { self.height } else { self.next.clamp(0, self.height) };
        self.room += base - self.base;
        if last {
            self.complete -= self.height;
            self.need = self.first_need;
            self.next = self.first_next;
            self.base = 0;
            self.out_row = 0;
        } else {
            self.need = (self.need + self.stride).min(self.height);
            self.next += self.stride;
            self.base = base;
            self.out_row += 1;
        }
    }
}

/// The groups of pixels that `pixel_serializer` holds, or the rows of `block_expand`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SerializerModel {
    folds: usize,
    group_beats: usize,
    tail_beats: usize,
    groups: usize,
    groups_held: usize,
    written: usize,
    issued: usize,
    group: usize,
    read: bool,
    valid: bool,
}

impl SerializerModel {
    fn new(pixels: usize, folds: usize, width: usize) -> Self {
        let groups = width.div_ceil(pixels);
        Self::of_groups(folds, pixels * folds, (width - (groups - 1) * pixels) * folds, groups)
    }

    /// `folds` beats make a group, which gives `group_beats` beats, the last of `groups` only `tail_beats`.
    fn of_groups(folds: usize, group_beats: usize, tail_beats: usize, groups: usize) -> Self {
        SerializerModel {
            folds,
            group_beats,
            tail_beats,
            groups,
            groups_held: 0,
            written: 0,
            issued: 0,
            group: 0,
            read: false,
            valid: false,
        }
    }

    fn step(&mut self, taken: bool, enable: bool) {
        let issue = enable && self.groups_held > 0;
        if enable {
            self.valid = self.read;
            self.read = issue;
        }
        if taken {
            self.written = (self.written + 1) % self.folds;
            self.groups_held += usize::from(self.written == 0);
        }
        if issue {
            self.issued += 1;
            let is_last = self.group + 1 == self.groups;
            if self.issued == if is_last { self.tail_beats } else { self.group_beats } {
                self.issued = 0;
                self.group = (self.group + 1) % self.groups;
                self.groups_held -= 1;
            }
        }
    }
}
