// SPDX-License-Identifier: MIT OR Apache-2.0
// What issues beats, with the buffer of their results behind it: streams on both sides, as the checker wants them.
`default_nettype none

module paced_window #(
    parameter BITS = 8, LANES = 1, HEIGHT = 4, WIDTH = 4, GROUPS = 1, KERNEL_H = 3, KERNEL_W = 3, STRIDE_H = 1,
    parameter STRIDE_W = 1, PAD_TOP = 0, PAD_BOTTOM = 0, PAD_LEFT = 0, PAD_RIGHT = 0, PAD_VALUE = 0, FOLDS = 1,
    parameter INNER = GROUPS, REPLAYS = FOLDS, DILATION_H = 1, DILATION_W = 1, ROWS = 4, PIXELS = 1, PLACES = 5, REGISTERED = 0
) (
    input  wire                         clk,
    input  wire                         rst,
    input  wire                         s_valid,
    output wire                         s_ready,
    input  wire [       LANES*BITS-1:0] s_data,
    output wire                         m_valid,
    input  wire                         m_ready,
    output wire [PIXELS*LANES*BITS-1:0] m_data
);

  wire                         valid, freed;
  wire [PIXELS*LANES*BITS-1:0] data;

  window #(
      .BITS(BITS), .LANES(LANES), .HEIGHT(HEIGHT), .WIDTH(WIDTH), .GROUPS(GROUPS), .KERNEL_H(KERNEL_H),
      .KERNEL_W(KERNEL_W), .STRIDE_H(STRIDE_H), .STRIDE_W(STRIDE_W), .PAD_TOP(PAD_TOP), .PAD_BOTTOM(PAD_BOTTOM),
      .PAD_LEFT(PAD_LEFT), .PAD_RIGHT(PAD_RIGHT), .PAD_VALUE(PAD_VALUE[BITS-1:0]), .FOLDS(FOLDS), .INNER(INNER),
      .REPLAYS(REPLAYS), .DILATION_H(DILATION_H), .DILATION_W(DILATION_W),
      .ROWS(ROWS), .PIXELS(PIXELS), .REGISTERED(REGISTERED), .STEPS(1), .PLACES(PLACES)
  ) u_window (
      .clk(clk), .rst(rst), .s_valid(s_valid), .s_ready(s_ready), .s_data(s_data), .freed(freed),
      .m_issue(), .m_last(), .m_valid(valid), .m_data(data)
  );

  result_buffer #(.WIDTH(PIXELS * LANES * BITS), .PLACES(PLACES)) u_buffer (
      .clk(clk), .rst(rst), .s_valid(valid), .s_data(data), .freed(freed),
      .m_valid(m_valid), .m_ready(m_ready), .m_data(m_data)
  );

endmodule

module paced_array #(
    parameter [63:0] KIND = "ternary",
    parameter PE = 8, SIMD = 8, PIXELS = 1, X_BITS = 8, X_SIGNED = 0, CODE_BITS = 2, ACC_BITS = 20, STEPS = 4,
    parameter FOLDS = 2, PLACES = 4, PRODUCTS = 2, SLICES = 0, BANK = FOLDS * STEPS, TRITS = 0,
    parameter FILE = "weights.hex"
) (
    input  wire                          clk,
    input  wire                          rst,
    input  wire                          s_valid,
    output wire                          s_ready,
    input  wire [PIXELS*SIMD*X_BITS-1:0] s_data,
    output wire                          m_valid,
    input  wire                          m_ready,
    output wire [PIXELS*PE*ACC_BITS-1:0] m_data
);

  wire                          issue, last, valid, freed;
  wire [PIXELS*SIMD*X_BITS-1:0] x;
  wire [PIXELS*PE*ACC_BITS-1:0] sums;

  beat_issue #(.WIDTH(PIXELS * SIMD * X_BITS), .STEPS(STEPS), .PLACES(PLACES)) u_issue (
      .clk(clk), .rst(rst), .s_valid(s_valid), .s_ready(s_ready), .s_data(s_data), .freed(freed),
      .m_issue(issue), .m_last(last), .m_valid(), .m_data(x)
  );

  mac_array #(
      .KIND(KIND), .PE(PE), .SIMD(SIMD), .PIXELS(PIXELS), .PRODUCTS(PRODUCTS), .X_BITS(X_BITS), .X_SIGNED(X_SIGNED),
      .CODE_BITS(CODE_BITS), .ACC_BITS(ACC_BITS), .STEPS(STEPS), .FOLDS(FOLDS), .SLICES(SLICES), .BANK(BANK), .TRITS(TRITS), .FILE(FILE)
  ) u_array (.clk(clk), .rst(rst), .s_issue(issue), .s_last(last), .s_data(x), .m_valid(valid), .m_data(sums));

  result_buffer #(.WIDTH(PIXELS * PE * ACC_BITS), .PLACES(PLACES)) u_buffer (
      .clk(clk), .rst(rst), .s_valid(valid), .s_data(sums), .freed(freed),
      .m_valid(m_valid), .m_ready(m_ready), .m_data(m_data)
  );

endmodule

`default_nettype wire
