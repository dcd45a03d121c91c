// SPDX-License-Identifier: MIT OR Apache-2.0
// Folded array: PE dot products of SIMD lanes per cycle with weights from ROM. A vector is FOLDS * STEPS input beats,
// fold by fold; every fold yields one beat of PE sums. It never stalls: beats are issued only while there is room for what
// they yield, and their weights are fetched between their issue and their coming. Word fold * STEPS + step of the ROM image
// holds the code of PE p, lane s at bit (p * SIMD + s) * CODE_BITS. What each KIND computes is told in its dot_<KIND>.v.
`default_nettype none

module mac_array #(
    parameter [63:0] KIND = "ternary",     // xnor, sign, ternary, twobit, po2, dfp, multiply or joint
    parameter PE        = 8,               // outputs computed at once
    parameter SIMD      = 8,               // inputs per beat
    parameter PIXELS    = 1,               // vectors side by side that share the weights
    parameter BLOCKS    = 1,               // groups of outputs, each with SIMD inputs of its own in a beat
    parameter PRODUCTS  = 2,               // of `joint`: products of a multiplier, of as many outputs
    parameter X_BITS    = 8,               // bits of one activation
    parameter X_SIGNED  = 0,               // 1: activations are two's complement
    parameter CODE_BITS = 2,               // bits of one weight code
    parameter ACC_BITS  = 20,              // bits of one sum
    parameter STEPS     = 4,               // beats of one fold
    parameter FOLDS     = 2,               // folds of one vector
    parameter SLICES    = 0,               // of `packed_rom`
    parameter BANK      = FOLDS * STEPS,   // of `packed_rom`
    parameter TRITS     = 0,               // of `packed_rom`
    parameter FILE      = "weights.hex"    // ROM image, of `packed_rom`
) (
    input  wire                          clk,      // clock
    input  wire                          rst,      // synchronous reset, active high
    input  wire                          s_issue,  // an input beat is issued; it follows two cycles later
    input  wire                          s_last,   // ... and is the last of its fold
    input  wire [PIXELS*BLOCKS*SIMD*X_BITS-1:0] s_data, // PIXELS x BLOCKS x SIMD activations
    output wire                          m_valid,  // output beat
    output wire [PIXELS*PE*ACC_BITS-1:0] m_data    // PIXELS x PE sums
);

  localparam [63:0] XNOR = "xnor";
  localparam [63:0] SIGN = "sign";
  localparam [63:0] TERNARY = "ternary";
  localparam [63:0] TWOBIT = "twobit";
  localparam [63:0] PO2 = "po2";
  localparam [63:0] DFP = "dfp";
  localparam [63:0] MULTIPLY = "multiply";
  localparam [63:0] JOINT = "joint";
  localparam WORD = PE * SIMD * CODE_BITS;
  localparam SHARE = PE / BLOCKS;          // outputs that read the same inputs
  // Chains of lanes for what is added or not; these come skewed.
  localparam SKEWED = KIND != XNOR && KIND != SIGN && KIND != MULTIPLY && KIND != JOINT;
  localparam CHAIN  = SKEWED ? 4 : 1;
  localparam LENGTH = (SIMD < CHAIN) ? SIMD : CHAIN;
  // Words that are put together come a cycle later, and so do the activations.
  localparam LATE   = (SLICES > 0 || FOLDS * STEPS > BANK || TRITS != 0) ? 1 : 0;
  // A block RAM's word comes late and from far: with many words, nothing but a register follows it, in the chains or before
  // the shifters in front of these.
  localparam CLOSE  = (SKEWED && LATE == 0 && FOLDS * STEPS > 64) ? 1 : 0;
  localparam BEFORE = (KIND == PO2) ? CLOSE : 0;
  localparam FIRST  = CLOSE - BEFORE;
  localparam GATED  = FIRST + ((LENGTH > 2) ? LENGTH - 1 : 1) + $clog2((SIMD + CHAIN - 1) / CHAIN);
  localparam LEVELS = (SIMD > 1) ? $clog2(SIMD) : 1;
  localparam DELAY  = (KIND == XNOR) ? LEVELS : (KIND == SIGN) ? LEVELS + 1 : (KIND == MULTIPLY) ? LEVELS + 3 + ((X_BITS > 17) ? 1 : 0) :
      (KIND == JOINT) ? LEVELS + 3 : (KIND == PO2) ? GATED + 1 : (KIND == DFP) ? GATED + CODE_BITS - 2 : GATED;
  localparam FETCH  = 2 + LATE + BEFORE;   // cycles from a beat's issue to its word

  wire [WORD-1:0] fetched;
  wire [WORD-1:0] weight;

  packed_rom #(.WIDTH(WORD), .DEPTH(FOLDS * STEPS), .SLICES(SLICES), .BANK(BANK), .TRITS(TRITS), .FILE(FILE)) u_rom (
      .clk(clk), .rst(rst), .step(s_issue), .data(fetched)
  );
  delay #(.BITS(WORD), .CYCLES(BEFORE)) u_before (.clk(clk), .d(fetched), .q(weight));

  // What is fetched and what comes out of the adder trees: a bubble, a step or the last step of a fold.
  reg  [FETCH+DELAY-1:0] valid_q;
  reg  [FETCH+DELAY-1:0] last_q;
  reg                    total_valid_q;
  wire                   sum_valid = valid_q[FETCH+DELAY-1];
  wire                   sum_last = last_q[FETCH+DELAY-1];

  assign m_valid = total_valid_q;

  always @(posedge clk) begin
    valid_q       <= {valid_q[FETCH+DELAY-2:0], s_issue};
    last_q        <= {last_q[FETCH+DELAY-2:0], s_issue && s_last};
    total_valid_q <= sum_last;
    if (rst) begin
      valid_q       <= {(FETCH + DELAY) {1'b0}};
      last_q        <= {(FETCH + DELAY) {1'b0}};
      total_valid_q <= 1'b0;
    end
  end

  wire [WORD-1:0] skewed;

  genvar pixel, p;
  generate
    for (p = 0; p < PE; p = p + 1) begin : g_weights
      lane_skew #(.LANES(SIMD), .BITS(CODE_BITS), .CHAIN(CHAIN), .FIRST(FIRST)) u_skew (
          .clk(clk), .x(weight[p*SIMD*CODE_BITS+:SIMD*CODE_BITS]), .y(skewed[p*SIMD*CODE_BITS+:SIMD*CODE_BITS])
      );
    end
    for (pixel = 0; pixel < PIXELS; pixel = pixel + 1) begin : g_pixel
      wire [BLOCKS*SIMD*X_BITS-1:0] x_fetched;
      wire [BLOCKS*SIMD*X_BITS-1:0] x_skewed;
      wire [       PE*ACC_BITS-1:0] sums;

      delay #(.BITS(BLOCKS * SIMD * X_BITS), .CYCLES(LATE + BEFORE)) u_late (
          .clk(clk), .d(s_data[pixel*BLOCKS*SIMD*X_BITS+:BLOCKS*SIMD*X_BITS]), .q(x_fetched)
      );

      for (p = 0; p < BLOCKS; p = p + 1) begin : g_block
        lane_skew #(.LANES(SIMD), .BITS(X_BITS), .CHAIN(CHAIN), .FIRST(FIRST)) u_skew (
            .clk(clk), .x(x_fetched[p*SIMD*X_BITS+:SIMD*X_BITS]), .y(x_skewed[p*SIMD*X_BITS+:SIMD*X_BITS])
        );
      end

      for (p = 0; p < PE; p = p + 1) begin : g_pe
        wire [   SIMD*X_BITS-1:0] x = x_skewed[(p/SHARE)*SIMD*X_BITS+:SIMD*X_BITS];
        wire [SIMD*CODE_BITS-1:0] w = skewed[p*SIMD*CODE_BITS+:SIMD*CODE_BITS];

        if (KIND == XNOR) begin : g_dot
          dot_xnor #(.SIMD(SIMD), .CODE_BITS(CODE_BITS), .SUM_BITS(ACC_BITS)) u_dot (
              .clk(clk), .x(x), .w(w), .sum(sums[p*ACC_BITS+:ACC_BITS])
          );
        end else if (KIND == SIGN) begin : g_dot
          dot_sign #(
              .SIMD(SIMD), .X_BITS(X_BITS), .X_SIGNED(X_SIGNED), .CODE_BITS(CODE_BITS), .SUM_BITS(ACC_BITS)
          ) u_dot (.clk(clk), .x(x), .w(w), .sum(sums[p*ACC_BITS+:ACC_BITS]));
        end else if (KIND == TERNARY) begin : g_dot
          dot_ternary #(
              .SIMD(SIMD), .X_BITS(X_BITS), .X_SIGNED(X_SIGNED), .CODE_BITS(CODE_BITS), .CHAIN(CHAIN), .FIRST(FIRST), .SUM_BITS(ACC_BITS)
          ) u_dot (.clk(clk), .x(x), .w(w), .sum(sums[p*ACC_BITS+:ACC_BITS]));
        end else if (KIND == TWOBIT) begin : g_dot
          dot_twobit #(
              .SIMD(SIMD), .X_BITS(X_BITS), .X_SIGNED(X_SIGNED), .CODE_BITS(CODE_BITS), .CHAIN(CHAIN), .FIRST(FIRST), .SUM_BITS(ACC_BITS)
          ) u_dot (.clk(clk), .x(x), .w(w), .sum(sums[p*ACC_BITS+:ACC_BITS]));
        end else if (KIND == PO2) begin : g_dot
          dot_po2 #(
              .SIMD(SIMD), .X_BITS(X_BITS), .X_SIGNED(X_SIGNED), .CODE_BITS(CODE_BITS), .CHAIN(CHAIN), .FIRST(FIRST), .SUM_BITS(ACC_BITS)
          ) u_dot (.clk(clk), .x(x), .w(w), .sum(sums[p*ACC_BITS+:ACC_BITS]));
        end else if (KIND == DFP) begin : g_dot
          dot_dfp #(
              .SIMD(SIMD), .X_BITS(X_BITS), .X_SIGNED(X_SIGNED), .CODE_BITS(CODE_BITS), .CHAIN(CHAIN), .FIRST(FIRST), .SUM_BITS(ACC_BITS)
          ) u_dot (.clk(clk), .x(x), .w(w), .sum(sums[p*ACC_BITS+:ACC_BITS]));
        end else if (KIND == MULTIPLY) begin : g_dot
          dot_multiply #(
              .SIMD(SIMD), .X_BITS(X_BITS), .X_SIGNED(X_SIGNED), .CODE_BITS(CODE_BITS), .SUM_BITS(ACC_BITS)
          ) u_dot (.clk(clk), .x(x), .w(w), .sum(sums[p*ACC_BITS+:ACC_BITS]));
        end else if (KIND == JOINT) begin : g_dot
          // The first of the outputs that share multipliers stands for them all.
          localparam PLACE   = p % SHARE;
          localparam LEFT    = SHARE - PLACE;
          localparam OUTPUTS = (LEFT < PRODUCTS) ? LEFT : PRODUCTS;
          wire unused = &{1'b0, x, w};
          if (PLACE % PRODUCTS == 0) begin : g_first
            dot_joint #(
                .OUTPUTS(OUTPUTS), .SIMD(SIMD), .X_BITS(X_BITS), .X_SIGNED(X_SIGNED), .CODE_BITS(CODE_BITS), .SUM_BITS(ACC_BITS)
            ) u_dot (
                .clk(clk), .x(x), .w(skewed[p*SIMD*CODE_BITS+:OUTPUTS*SIMD*CODE_BITS]), .sum(sums[p*ACC_BITS+:OUTPUTS*ACC_BITS])
            );
          end
        end else begin : g_dot
          kind_is_not_known u_dot ();
        end

        accumulator #(.BITS(ACC_BITS), .SINGLE(STEPS == 1)) u_accumulator (
            .clk(clk), .rst(rst), .valid(sum_valid), .last(sum_last), .x(sums[p*ACC_BITS+:ACC_BITS]),
            .total(m_data[(pixel*PE+p)*ACC_BITS+:ACC_BITS])
        );
      end
    end
  endgenerate

endmodule

`default_nettype wire
