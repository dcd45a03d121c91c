// SPDX-License-Identifier: MIT OR Apache-2.0
// TensorFlow Lite's integer softmax of a vector, bit for bit, with one multiplier that takes a bit a cycle. Elements come
// and the greatest is kept; exponentials of their distances from it, by a table, are summed; Newton's method makes the
// sum's reciprocal, and that times an exponential is a probability. A vector takes 53 * LENGTH + 249 cycles, whatever its
// values; the next one waits.
`default_nettype none

module softmax #(
    parameter LENGTH = 10,                 // elements of one vector, at most 4095
    parameter FILE   = "softmax.hex"       // exponentials by distance, 256 words of 31 fraction bits
) (
    input  wire       clk,                 // clock
    input  wire       rst,                 // synchronous reset, active high
    input  wire       s_valid,             // input beat offered
    output wire       s_ready,             // input beat accepted
    input  wire [7:0] s_data,              // one score, two's complement
    output wire       m_valid,             // output beat offered
    input  wire       m_ready,             // output beat accepted
    output wire [7:0] m_data               // its probability in units of 1/256, less 128
);

  localparam COUNT_BITS = (LENGTH > 1) ? $clog2(LENGTH) : 1;
  localparam [COUNT_BITS-1:0] LAST = LENGTH[COUNT_BITS-1:0] - 1'b1;

  // Cycles of a step of each phase, less one.
  localparam [5:0] ADD = 4, NORMALIZE = 10, REFINE = 33, SCALE = 45;
  localparam [5:0] LOAD = 2;               // of a scaling: the exponential is about to be there

  // Newton's method starts at 48/17 - 32/17 h, two integer bits and 29 fraction bits.
  localparam [31:0] FIRST = 32'd1515870810, SLOPE = -32'd1010580540;

  localparam [2:0] TAKING = 0, ADDING = 1, NORMALIZING = 2, REFINING = 3, SCALING = 4, GIVING = 5;

  reg  [           2:0] phase_q;
  reg  [           5:0] step_q;            // of the phase, for one element or one product
  reg  [COUNT_BITS-1:0] index_q;           // element
  reg  [           2:0] round_q;           // product of Newton's method, seven in all
  reg  [           7:0] greatest_q;        // of the scores taken
  reg  [           7:0] score_q;
  reg  [          19:0] term_q;            // an exponential of twelve integer bits
  reg  [          30:0] sum_q;             // then normalized: half of it, as a fraction
  reg  [           3:0] excess_q;          // right shifts that normalizing leaves to do
  reg  [           3:0] left_q;            // of these, those that a probability still lacks
  reg                   first_q;           // the first product is under way
  reg  [          30:0] reciprocal_q;
  reg                   load_q;            // of a product's operands
  reg                   multiplying_q;
  reg                   negate_q;          // the product is a negative one, and `factor_q` inverted
  reg  [           4:0] bit_q;             // of a product
  reg  [          31:0] factor_q;          // times the bits of `low_q`
  reg  [          31:0] high_q;            // the product so far, rounding added, shifted right by the bits taken
  reg  [          30:0] low_q;             // bits to come

  reg  [           7:0] scores[0:LENGTH-1];
  wire [          30:0] exponential;

  // Keeps the order of two's complement without its sign.
  wire [           7:0] score = {~s_data[7], s_data[6:0]};
  wire [           7:0] distance = greatest_q - score_q;
  wire                  take = s_valid && s_ready;
  wire                  give = m_valid && m_ready;
  wire                  at_end = index_q == LAST;
  wire [COUNT_BITS-1:0] next = at_end ? {COUNT_BITS{1'b0}} : index_q + 1'b1;

  wire                  shifting = multiplying_q || left_q != 4'd0;
  wire [          31:0] addend = (multiplying_q && low_q[0]) ? factor_q : 32'd0;
  wire [          32:0] total = {high_q[31], high_q} + {addend[31], addend} + {32'd0, negate_q && low_q[0]};

  // The first product is Newton's first correction; then errors and corrections follow in turn.
  wire [          30:0] correction = first_q ? high_q[30:0] : {high_q[28:0], 2'b00};

  // To nearest: an exponential in units of twelve integer bits, and the probability.
  wire [          20:0] term = {1'b0, exponential[30:11]} + 1'b1;
  wire [           9:0] rounded = {1'b0, high_q[30:22]} + 1'b1;
  wire                  unused = &{1'b0, term[0], rounded[0]};

  assign s_ready = phase_q == TAKING;
  assign m_valid = phase_q == GIVING;
  assign m_data  = rounded[9] ? 8'h7f : {~rounded[8], rounded[7:1]};

  always @(posedge clk) begin
    if (take) scores[index_q] <= score;
    score_q <= scores[index_q];
    term_q  <= term[20:1];
  end

  weight_rom #(.WIDTH(31), .DEPTH(256), .FILE(FILE)) u_exponentials (
      .clk(clk), .enable(1'b1), .address(distance), .data(exponential)
  );

  always @(posedge clk) begin
    step_q <= step_q + 1'b1;
    case (phase_q)
      TAKING: begin
        step_q <= 6'd0;
        if (take) begin
          index_q <= next;
          if (index_q == {COUNT_BITS{1'b0}} || score > greatest_q) greatest_q <= score;
          if (at_end) phase_q <= ADDING;
        end
        sum_q        <= 31'd0;
        excess_q     <= 4'd0;
        round_q      <= 3'd0;
        first_q      <= 1'b1;
        reciprocal_q <= FIRST[30:0];
      end
      ADDING:
      if (step_q == ADD) begin
        step_q  <= 6'd0;
        index_q <= next;
        sum_q   <= sum_q + {11'd0, term_q};
        if (at_end) phase_q <= NORMALIZING;
      end
      NORMALIZING: begin
        if (sum_q[30]) excess_q <= excess_q + 1'b1;
        else sum_q <= {sum_q[29:0], 1'b0};
        if (step_q == NORMALIZE) begin
          step_q  <= 6'd0;
          phase_q <= REFINING;
        end
      end
      REFINING:
      if (step_q == REFINE) begin
        step_q  <= 6'd0;
        round_q <= round_q + 1'b1;
        first_q <= 1'b0;
        if (!round_q[0]) reciprocal_q <= reciprocal_q + correction;
        if (round_q == 3'd6) phase_q <= SCALING;
      end
      SCALING:
      if (step_q == SCALE) begin
        step_q  <= 6'd0;
        phase_q <= GIVING;
      end
      default: begin
        step_q <= 6'd0;
        if (give) begin
          index_q <= next;
          phase_q <= at_end ? TAKING : SCALING;
        end
      end
    endcase
    if (rst) begin
      phase_q <= TAKING;
      index_q <= {COUNT_BITS{1'b0}};
    end
  end

  // The reciprocal without its integer bit, saturated: twice the method's number, one at most.
  wire [30:0] scale = reciprocal_q[30] ? 31'h7fffffff : {reciprocal_q[29:0], 1'b0};

  always @(posedge clk) begin
    load_q <= (phase_q == REFINING && step_q == 6'd0) || (phase_q == SCALING && step_q == LOAD);
    bit_q  <= multiplying_q ? bit_q + 1'b1 : 5'd0;
    if (bit_q == 5'd30) multiplying_q <= 1'b0;
    if (bit_q == 5'd30 && phase_q == SCALING) left_q <= excess_q;
    else if (left_q != 4'd0) left_q <= left_q - 1'b1;
    if (load_q) begin
      multiplying_q <= 1'b1;
      high_q        <= 32'd1 << 30;
      negate_q      <= 1'b0;
      if (phase_q == SCALING) {factor_q, low_q} <= {1'b0, exponential, scale};
      else if (first_q) {factor_q, low_q} <= {SLOPE, sum_q};
      else if (round_q[0]) begin
        {factor_q, low_q} <= {1'b1, ~reciprocal_q, sum_q};
        high_q            <= (32'd1 << 30) - 1'b1;
        negate_q          <= 1'b1;
      end else {factor_q, low_q} <= {high_q[31:29] + 3'd1, high_q[28:0], reciprocal_q};
    end else if (shifting) begin
      {high_q, low_q} <= {total, low_q[30:1]};
    end
    if (rst) begin
      load_q        <= 1'b0;
      multiplying_q <= 1'b0;
      left_q        <= 4'd0;
    end
  end

endmodule

`default_nettype wire
