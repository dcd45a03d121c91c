// SPDX-License-Identifier: MIT OR Apache-2.0
// Store of `window` for one window per beat. All addresses count modulo the ring, so places in the padding have an
// address too; what is read there is replaced by PAD_VALUE.
`default_nettype none

module window_single #(
    parameter BITS       = 8,                     // bits of one element
    parameter LANES      = 1,                     // elements per beat
    parameter HEIGHT     = 4,                     // input rows
    parameter WIDTH      = 4,                     // input columns
    parameter GROUPS     = 1,                     // input beats per pixel
    parameter KERNEL_H   = 3,                     // window rows
    parameter KERNEL_W   = 3,                     // window columns
    parameter STRIDE_H   = 1,                     // rows from one window to the next
    parameter STRIDE_W   = 1,                     // columns from one window to the next
    parameter PAD_TOP    = 0,                     // padding rows above the map
    parameter PAD_LEFT   = 0,                     // padding columns left of the map
    parameter [BITS-1:0] PAD_VALUE = {BITS{1'b0}},// code of every element outside the map
    parameter OUT_HEIGHT = 2,                     // output rows
    parameter OUT_WIDTH  = 2,                     // output columns
    parameter FOLDS      = 1,                     // times that a window is given
    parameter INNER      = 1,                     // beats of a pixel that belong to a fold
    parameter REPLAYS    = 1,                     // folds before the next INNER beats come
    parameter DILATION_H = 1,                     // rows from one place of the kernel to the next
    parameter DILATION_W = 1,                     // columns from one place of the kernel to the next
    parameter ROWS       = 4,                     // rows of the ring
    parameter FIRST      = 0,                     // kind of the step behind a frame's first beat
    parameter REGISTERED = 0                      // 1: a register behind the memory's own
) (
    input  wire                  clk,             // clock
    input  wire                  rst,             // synchronous reset, active high
    input  wire                  write,           // an input beat is accepted
    input  wire [LANES*BITS-1:0] write_data,      // the input beat
    output wire                  row_written,     // ... and it is the last of its row
    input  wire                  issue,           // the next beat is read
    input  wire [7:0]            kind,            // one-hot: kind of the step behind the beat after it; see `window_loops`
    input  wire                  outside,         // the next beat lies in the padding
    output wire                  m_valid,         // output beat, two cycles after it was issued, or three
    output wire [LANES*BITS-1:0] m_data           // output beat
);

  localparam ROW_WORDS = WIDTH * GROUPS;
  localparam DEPTH     = ROWS * ROW_WORDS;
  localparam A_BITS    = (DEPTH > 1) ? $clog2(DEPTH) : 1;

  // Writer.
  reg  [A_BITS-1:0] write_address_q;
  wire [A_BITS-1:0] write_address_d;
  wire              row_complete;

  assign row_written = write && row_complete;

  loop_counter #(.LENGTH(ROW_WORDS)) u_written (.clk(clk), .rst(rst), .step(write), .at_end(row_complete));
  ring_step #(.DEPTH(DEPTH), .STEP(1 % DEPTH)) u_write_step (.from(write_address_q), .to(write_address_d));

  always @(posedge clk) begin
    if (write) write_address_q <= write_address_d;
    if (rst) write_address_q <= {A_BITS{1'b0}};
  end

  // Reader: words from the last beat of each loop to the beat that follows.
  localparam signed [31:0] FOLD_WORDS = (REPLAYS < FOLDS) ? (FOLDS - 1) / REPLAYS * INNER : 0;     // to the last fold's
  localparam signed [31:0] LINE_BACK  = -(KERNEL_W - 1) * DILATION_W * GROUPS - (INNER - 1);       // to the line's first
  localparam signed [31:0] FOLD_BACK  = LINE_BACK - (KERNEL_H - 1) * DILATION_H * ROW_WORDS;       // to the fold's first
  localparam signed [31:0] ROW_BACK   = FOLD_BACK - FOLD_WORDS - (OUT_WIDTH - 1) * STRIDE_W * GROUPS;
  localparam signed [31:0] BEAT       = 1;
  localparam signed [31:0] COLUMN     = DILATION_W * GROUPS - (INNER - 1);
  localparam signed [31:0] LINE       = LINE_BACK + DILATION_H * ROW_WORDS;
  localparam signed [31:0] ADVANCE    = FOLD_BACK + INNER;
  localparam signed [31:0] PIXEL      = FOLD_BACK - FOLD_WORDS + STRIDE_W * GROUPS;
  localparam signed [31:0] ROW        = ROW_BACK + STRIDE_H * ROW_WORDS;
  localparam signed [31:0] FRAME      = ROW_BACK + (HEIGHT - (OUT_HEIGHT - 1) * STRIDE_H) * ROW_WORDS;

  wire [A_BITS-1:0] address;

  ring_walk #(
      .DEPTH(DEPTH), .START(-(PAD_TOP * ROW_WORDS + PAD_LEFT * GROUPS)), .KINDS(8), .FIRST(FIRST),
      .STEPS({FRAME, ROW, PIXEL, ADVANCE, FOLD_BACK, LINE, COLUMN, BEAT})
  ) u_address (.clk(clk), .rst(rst), .step(issue), .kind(kind), .place(address));

  // Memory, then the padding.
  wire [LANES*BITS-1:0] read_data;
  wire [LANES*BITS-1:0] data;
  wire                  data_outside;
  reg  [REGISTERED:0]   read_valid_q;
  wire [REGISTERED+1:0] valid_d = {read_valid_q, issue};
  reg                   valid_q;
  reg  [LANES*BITS-1:0] data_q;

  assign m_valid = valid_q;
  assign m_data  = data_q;

  ring_memory #(.WIDTH(LANES * BITS), .DEPTH(DEPTH)) u_memory (
      .clk(clk),
      .write(write), .write_address(write_address_q), .write_data(write_data),
      .read(1'b1), .read_address(address), .read_data(read_data)
  );
  delay #(.BITS(LANES * BITS), .CYCLES(REGISTERED)) u_data (.clk(clk), .d(read_data), .q(data));
  delay #(.BITS(1), .CYCLES(REGISTERED + 1)) u_outside (.clk(clk), .d(outside), .q(data_outside));

  always @(posedge clk) begin
    {valid_q, read_valid_q} <= valid_d;
    data_q                  <= data_outside ? {LANES{PAD_VALUE}} : data;
    if (rst) {valid_q, read_valid_q} <= {(REGISTERED + 2) {1'b0}};
  end

endmodule

`default_nettype wire
