//! Frames side by side: one element of several frames is one vector, so that every operation is the
//! same for each lane and every per-channel parameter is a scalar.

/// Frames computed together.
pub(super) const LANES: usize = 16;

/// One element of [`LANES`] frames; aligned to a cache line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub(super) struct Lanes<T>(pub [T; LANES]);

/// The number type of a whole network: integers, exact up to a magnitude.
pub(super) trait Number: Copy + PartialOrd + Send + Sync + 'static {
    /// Every integer of at most this magnitude is exact, and so is every sum and product that stays
    /// within it.
    const EXACT: u64;
    /// Nought.
    const ZERO: Self;

    /// An integer within [`Self::EXACT`].
    fn from_integer(value: i64) -> Self;
    /// The integer it holds.
    fn to_integer(self) -> i64;
    /// As a double, of a number within the double's `EXACT`.
    fn to_float(self) -> f64;
    /// From an integral double.
    fn from_float(value: f64) -> Self;
    /// self + other.
    fn plus(self, other: Self) -> Self;
    /// self + weight · value; fused where the processor has the instruction.
    fn plus_product<const FUSED: bool>(self, weight: Self, value: Self) -> Self;
}

macro_rules! float {
    ($type:ty, $exact:expr) => {
        impl Number for $type {
            const EXACT: u64 = 1 << $exact;
            const ZERO: Self = 0.0;

            #[inline(always)]
            fn from_integer(value: i64) -> Self {
                value as $type
            }

            #[inline(always)]
            fn to_integer(self) -> i64 {
                self as i64
            }

            #[inline(always)]
            fn to_float(self) -> f64 {
                self.into()
            }

            #[inline(always)]
            fn from_float(value: f64) -> Self {
                value as $type
            }

            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self + other
            }

            #[inline(always)]
            fn plus_product<const FUSED: bool>(self, weight: Self, value: Self) -> Self {
                if FUSED { weight.mul_add(value, self) } else { self + weight * value }
            }
        }
    };
}

float!(f32, 24);
float!(f64, 53);

/// Wraps around in between and is exact at the end: the graph bounds every result to 48 bits.
impl Number for i64 {
    const EXACT: u64 = u64::MAX;
    const ZERO: Self = 0;

    #[inline(always)]
    fn from_integer(value: i64) -> Self {
        value
    }

    #[inline(always)]
    fn to_integer(self) -> i64 {
        self
    }

    #[inline(always)]
    fn to_float(self) -> f64 {
        self as f64
    }

    #[inline(always)]
    fn from_float(value: f64) -> Self {
        value as i64
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    #[inline(always)]
    fn plus_product<const FUSED: bool>(self, weight: Self, value: Self) -> Self {
        self.wrapping_add(weight.wrapping_mul(value))
    }
}

impl<T: Number> Lanes<T> {
    /// The same value in every frame.
    pub fn splat(value: T) -> Self {
        Lanes([value; LANES])
    }

    /// Replaces every value.
    #[inline(always)]
    pub fn map(&mut self, function: impl Fn(T) -> T) {
        for value in &mut self.0 {
            *value = function(*value);
        }
    }
}

/// Defines `$name`, which runs `$body` compiled for AVX2 and FMA where the processor has them, and
/// for the baseline elsewhere. `$body` takes a first generic argument: whether to fuse.
macro_rules! dispatched {
    (
        $(#[$attribute:meta])*
        fn $name:ident<$($generic:ident: $bound:path),+>($($argument:ident: $type:ty),* $(,)?) = $body:ident
    ) => {
        $(#[$attribute])*
        pub(super) fn $name<$($generic: $bound),+>($($argument: $type),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn wide<$($generic: $bound),+>($($argument: $type),*) {
                    $body::<true, $($generic),+>($($argument),*);
                }
                if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                    // SAFETY: `wide` is safe code; it needs only the two features just detected.
                    return unsafe { wide::<$($generic),+>($($argument),*) };
                }
            }
            $body::<false, $($generic),+>($($argument),*);
        }
    };
}

pub(super) use dispatched;
