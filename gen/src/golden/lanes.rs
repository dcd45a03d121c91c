//! Frames side by side: one element of several frames is one vector, so that every operation is the
//! same for each lane and every per-channel parameter is a scalar.

use std::fmt::Debug;
use std::ops::{Deref, DerefMut};

/// One element of a block of frames: as many as fill a cache line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub(super) struct Lanes<T: Number>(T::Array);

/// The number type of a whole network: integers, exact up to a magnitude.
pub(super) trait Number: Copy + Debug + PartialOrd + Send + Sync + 'static {
    /// One number of each frame of a block.
    type Array: Copy + Debug + PartialEq + Send + Sync + AsRef<[Self]> + AsMut<[Self]>;
    /// Frames computed together.
    const LANES: usize;
    /// Every integer of at most this magnitude is exact.
    const EXACT: u64;
    /// Whether a sum may leave that range on the way and is exact all the same where it ends within.
    const WRAPS: bool;
    /// Nought.
    const ZERO: Self;

    /// The same number for every frame.
    fn array(self) -> Self::Array;
    /// An integer within [`Self::EXACT`].
    fn from_integer(value: i64) -> Self;
    /// The integer it holds.
    fn to_integer(self) -> i64;
    /// As a single, of a number that a single holds.
    fn to_single(self) -> f32;
    /// As a double, of a number that a double holds.
    fn to_double(self) -> f64;
    /// From an integral single.
    fn from_single(value: f32) -> Self;
    /// From an integral double.
    fn from_double(value: f64) -> Self;
    /// self + other.
    fn plus(self, other: Self) -> Self;
    /// self − other.
    fn minus(self, other: Self) -> Self;
    /// self + weight · value; fused where the processor has the instruction.
    fn plus_product<const FUSED: bool>(self, weight: Self, value: Self) -> Self;
    /// The greatest integer of at most self / 2^shift.
    fn shifted(self, shift: u32) -> Self;
}

/// What every number type says in the same words.
macro_rules! converted {
    ($type:ty, $lanes:expr) => {
        type Array = [$type; $lanes];
        const LANES: usize = $lanes;
        const ZERO: Self = 0 as $type;

        #[inline(always)]
        fn array(self) -> Self::Array {
            [self; $lanes]
        }

        #[inline(always)]
        fn from_integer(value: i64) -> Self {
            value as $type
        }

        #[inline(always)]
        fn to_integer(self) -> i64 {
            self as i64
        }

        #[inline(always)]
        fn to_single(self) -> f32 {
            self as f32
        }

        #[inline(always)]
        fn to_double(self) -> f64 {
            self as f64
        }
    };
}

macro_rules! float {
    ($type:ty, $lanes:expr, $exact:expr) => {
        impl Number for $type {
            const EXACT: u64 = 1 << $exact;
            const WRAPS: bool = false;
            converted!($type, $lanes);

            #[inline(always)]
            fn from_single(value: f32) -> Self {
                value.into()
            }

            #[inline(always)]
            fn from_double(value: f64) -> Self {
                value as $type
            }

            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self + other
            }

            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                self - other
            }

            #[inline(always)]
            fn plus_product<const FUSED: bool>(self, weight: Self, value: Self) -> Self {
                if FUSED { weight.mul_add(value, self) } else { self + weight * value }
            }

            #[inline(always)]
            fn shifted(self, shift: u32) -> Self {
                (self / (1_u64 << shift) as $type).floor()
            }
        }
    };
}

float!(f32, 16, 24);
float!(f64, 8, 53);

macro_rules! integer {
    ($type:ty, $lanes:expr) => {
        impl Number for $type {
            const EXACT: u64 = <$type>::MAX as u64;
            const WRAPS: bool = true;
            converted!($type, $lanes);

            #[inline(always)]
            fn from_single(value: f32) -> Self {
                value as i32 as $type
            }

            #[inline(always)]
            fn from_double(value: f64) -> Self {
                value as i64 as $type
            }

            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }

            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }

            #[inline(always)]
            fn plus_product<const FUSED: bool>(self, weight: Self, value: Self) -> Self {
                self.wrapping_add(weight.wrapping_mul(value))
            }

            #[inline(always)]
            fn shifted(self, shift: u32) -> Self {
                self.wrapping_shr(shift)
            }
        }
    };
}

integer!(i16, 32);
integer!(i64, 8);

impl<T: Number> Lanes<T> {
    /// The same value in every frame.
    #[inline(always)]
    pub fn splat(value: T) -> Self {
        Lanes(value.array())
    }

    /// Replaces every value.
    #[inline(always)]
    pub fn map(&mut self, function: impl Fn(T) -> T) {
        for value in self.iter_mut() {
            *value = function(*value);
        }
    }

    /// Replaces every value by what `function` makes of it and of the same frame's in `other`.
    #[inline(always)]
    pub fn join(&mut self, other: &Self, function: impl Fn(T, T) -> T) {
        for (value, &other) in self.iter_mut().zip(other.iter()) {
            *value = function(*value, other);
        }
    }
}

impl<T: Number> Deref for Lanes<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        self.0.as_ref()
    }
}

impl<T: Number> DerefMut for Lanes<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        self.0.as_mut()
    }
}

/// Defines `$name`, which runs `$body` compiled for AVX2 and FMA where the processor has them, and
/// for the baseline elsewhere. `$body` takes a first generic argument: whether to fuse.
macro_rules! dispatched {
    (
        $(#[$attribute:meta])*
        $visibility:vis fn $name:ident<$($generic:ident: $bound:path),*>(
            $($argument:ident: $type:ty),* $(,)?
        ) = $body:ident
    ) => {
        $(#[$attribute])*
        $visibility fn $name<$($generic: $bound),*>($($argument: $type),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn wide<$($generic: $bound),*>($($argument: $type),*) {
                    $body::<true, $($generic),*>($($argument),*);
                }
                if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                    // SAFETY: `wide` is safe code; it needs only the two features just detected.
                    return unsafe { wide::<$($generic),*>($($argument),*) };
                }
            }
            $body::<false, $($generic),*>($($argument),*);
        }
    };
}

/// Defines `$name`, which runs `$body` compiled for AVX-512 where the processor has it, and `$narrower`
/// elsewhere: for bodies that gain by wider vectors, which not all do.
macro_rules! dispatched_widest {
    (
        $(#[$attribute:meta])*
        $visibility:vis fn $name:ident<$($generic:ident: $bound:path),*>(
            $($argument:ident: $type:ty),* $(,)?
        ) = $body:ident,
        else $narrower:ident
    ) => {
        $(#[$attribute])*
        $visibility fn $name<$($generic: $bound),*>($($argument: $type),*) {
            #[cfg(target_arch = "x86_64")]
            {
                use std::arch::is_x86_feature_detected as has;

                #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vpopcntdq")]
                fn widest<$($generic: $bound),*>($($argument: $type),*) {
                    $body::<true, $($generic),*>($($argument),*);
                }
                if has!("avx512f") && has!("avx512bw") && has!("avx512vl") && has!("avx512vpopcntdq") {
                    // SAFETY: `widest` is safe code; it needs only the features just detected.
                    return unsafe { widest::<$($generic),*>($($argument),*) };
                }
            }
            $narrower::<$($generic),*>($($argument),*);
        }
    };
}

pub(super) use {dispatched, dispatched_widest};
