// SPDX-License-Identifier: MIT OR Apache-2.0
// A place in a ring that goes by steps of several kinds. A step is looked up a beat before it is made, so that between
// its register and the place's there is one addition.
`default_nettype none

module ring_walk #(
    parameter integer DEPTH = 4,           // places of the ring
    parameter integer START = 0,           // first place, modulo DEPTH
    parameter integer KINDS = 2,           // kinds of steps
    parameter integer FIRST = 0,           // kind of the first step
    parameter [32*KINDS-1:0] STEPS = 0     // places to go by a step of each kind; signed, modulo DEPTH
) (
    input  wire                                           clk,   // clock
    input  wire                                           rst,   // synchronous reset, active high
    input  wire                                           step,  // go the step
    input  wire [KINDS-1:0]                               kind,  // one-hot: kind of the step after it
    output wire [((DEPTH > 1) ? $clog2(DEPTH) : 1) - 1:0] place  // where it is
);

  localparam BITS = (DEPTH > 1) ? $clog2(DEPTH) : 1;
  localparam signed [31:0] ORIGIN = ((START % DEPTH) + DEPTH) % DEPTH;

  // Steps forward, and the same steps once round the ring less.
  function [KINDS*BITS-1:0] table_of(input integer less);
    reg signed [31:0] steps;
    integer           k;
    for (k = 0; k < KINDS; k = k + 1) begin
      steps = STEPS[32*k+:32];
      steps = ((steps % DEPTH) + DEPTH) % DEPTH - less;
      table_of[k*BITS+:BITS] = steps[BITS-1:0];
    end
  endfunction

  function [BITS-1:0] chosen(input [KINDS*BITS-1:0] steps, input [KINDS-1:0] which);
    integer k;
    begin
      chosen = {BITS{1'b0}};
      for (k = 0; k < KINDS; k = k + 1) chosen = chosen | (steps[k*BITS+:BITS] & {BITS{which[k]}});
    end
  endfunction

  localparam [KINDS*BITS-1:0] FORWARD = table_of(0);
  localparam [KINDS*BITS-1:0] BACK    = table_of(DEPTH);

  reg  [BITS-1:0] place_q;
  reg  [BITS-1:0] forward_q;
  wire [BITS-1:0] forward = place_q + forward_q;
  wire [BITS-1:0] place_d;

  assign place = place_q;

  always @(posedge clk) begin
    if (step) begin
      place_q   <= place_d;
      forward_q <= chosen(FORWARD, kind);
    end
    if (rst) begin
      place_q   <= ORIGIN[BITS-1:0];
      forward_q <= FORWARD[FIRST*BITS+:BITS];
    end
  end

  generate
    if (DEPTH == (1 << BITS)) begin : g_free
      assign place_d = forward;
    end else begin : g_wrap
      // Less than DEPTH forward, less one round, is never below -DEPTH: the carry out says whether there was a round.
      reg  [BITS-1:0] back_q;
      wire [  BITS:0] back = {1'b0, place_q} + {1'b0, back_q};
      always @(posedge clk) begin
        if (step) back_q <= chosen(BACK, kind);
        if (rst) back_q <= BACK[FIRST*BITS+:BITS];
      end
      assign place_d = back[BITS] ? back[BITS-1:0] : forward;
    end
  endgenerate

endmodule

`default_nettype wire
