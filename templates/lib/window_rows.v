// SPDX-License-Identifier: MIT OR Apache-2.0
// Row bookkeeping of `window`: which input rows are complete, which the next output row needs, which may be overwritten.
`default_nettype none

module window_rows #(
    parameter HEIGHT     = 4,              // input rows
    parameter OUT_HEIGHT = 2,              // output rows
    parameter KERNEL_H   = 3,              // window rows
    parameter STRIDE_H   = 1,              // rows from one window to the next
    parameter PAD_TOP    = 0,              // padding rows above the map
    parameter PAD_BOTTOM = 0,              // padding rows below the map
    parameter ROWS       = 4               // rows of the ring
) (
    input  wire clk,                       // clock
    input  wire rst,                       // synchronous reset, active high
    input  wire row_written,               // the last beat of an input row is accepted
    output wire row_room,                  // the ring has room for the row being written
    output wire present_next,              // the rows of the next output row will be complete, if a beat is to be issued
    input  wire row_done,                  // the last beat of an output row is issued
    input  wire next_last                  // ... and the row after it is the last of its frame
);

  // Rows counted from the start of the frame being read; negative while that frame's predecessor is still being written.
  localparam COUNT_BITS = $clog2(HEIGHT + ROWS + STRIDE_H + KERNEL_H + PAD_TOP + PAD_BOTTOM + 1) + 1;
  localparam ROOM_BITS  = $clog2(ROWS + STRIDE_H + 1);
  localparam signed [COUNT_BITS-1:0] ZERO = {COUNT_BITS{1'b0}};
  localparam signed [COUNT_BITS-1:0] FRAME = HEIGHT[COUNT_BITS-1:0];
  localparam signed [COUNT_BITS-1:0] STRIDE = STRIDE_H[COUNT_BITS-1:0];
  localparam signed [COUNT_BITS-1:0] NEED_RAW = KERNEL_H[COUNT_BITS-1:0] - PAD_TOP[COUNT_BITS-1:0];
  localparam signed [COUNT_BITS-1:0] FIRST = {{(COUNT_BITS - 1) {1'b0}}, 1'b1};
  // Of the first output row; one even where it sees padding alone, so that nothing is given of a frame that has not come.
  localparam signed [COUNT_BITS-1:0] NEED = (NEED_RAW > FRAME) ? FRAME : (NEED_RAW < FIRST) ? FIRST : NEED_RAW;
  localparam signed [COUNT_BITS-1:0] LEFT = FRAME - NEED;
  localparam signed [COUNT_BITS-1:0] NEXT = STRIDE - PAD_TOP[COUNT_BITS-1:0];            // top row of the second one
  localparam signed [COUNT_BITS-1:0] FREED = (NEXT > FRAME) ? FRAME : (NEXT < ZERO) ? ZERO : NEXT;
  localparam signed [COUNT_BITS-1:0] MORE = (LEFT < STRIDE) ? LEFT : STRIDE;
  localparam ONE = OUT_HEIGHT == 1;
  localparam [ROOM_BITS-1:0] RING = ROWS[ROOM_BITS-1:0];

  // What an output row does when it is done is made ready one row before.
  reg  signed [COUNT_BITS-1:0] less_q;    // rows that the next output row needs beyond this one's, negative
  reg  signed [COUNT_BITS-1:0] rest_q;    // rows of the frame beyond those that the next output row needs, negative
  reg         [ ROOM_BITS-1:0] freed_q;   // rows that this output row releases
  reg         [ ROOM_BITS-1:0] base_q;    // rows released once it is done, modulo 2^ROOM_BITS
  reg  signed [COUNT_BITS-1:0] next_q;    // top row of the window after the next output row's
  reg  signed [COUNT_BITS-1:0] ahead_q;   // rows complete beyond those that this output row needs
  reg         [ ROOM_BITS-1:0] room_q;    // rows of the ring that may be written
  reg                          any_q;     // there is one

  wire signed [COUNT_BITS-1:0] more = rest_q + STRIDE;         // negative: rows are left after a whole step
  wire        [ ROOM_BITS-1:0] base_next = (next_last || next_q > FRAME) ? FRAME[ROOM_BITS-1:0] :
      (next_q < ZERO) ? {ROOM_BITS{1'b0}} : next_q[ROOM_BITS-1:0];
  wire signed [COUNT_BITS-1:0] ahead = ahead_q + (row_done ? less_q : ZERO) + {{(COUNT_BITS - 1) {1'b0}}, row_written};
  wire        [ ROOM_BITS-1:0] room = room_q - {{(ROOM_BITS - 1) {1'b0}}, row_written};
  wire        [ ROOM_BITS-1:0] room_done = room + freed_q;
  wire        [ ROOM_BITS-1:0] room_next = row_done ? room_done : room;

  assign present_next = !ahead[COUNT_BITS-1];
  assign row_room     = any_q;

  always @(posedge clk) begin
    ahead_q <= ahead;
    room_q  <= room_next;
    any_q   <= room_next != {ROOM_BITS{1'b0}};
    if (row_done) begin
      less_q  <= next_last ? rest_q - NEED : more[COUNT_BITS-1] ? -STRIDE : rest_q;
      rest_q  <= next_last ? -LEFT : more[COUNT_BITS-1] ? more : ZERO;
      freed_q <= base_next - base_q;
      base_q  <= next_last ? {ROOM_BITS{1'b0}} : base_next;
      next_q  <= next_last ? NEXT : next_q + STRIDE;
    end
    if (rst) begin
      ahead_q <= -NEED;
      room_q  <= RING;
      any_q   <= 1'b1;
      less_q  <= ONE ? -FRAME : -MORE;
      rest_q  <= ONE ? -LEFT : MORE - LEFT;
      freed_q <= ONE ? FRAME[ROOM_BITS-1:0] : FREED[ROOM_BITS-1:0];
      base_q  <= ONE ? {ROOM_BITS{1'b0}} : FREED[ROOM_BITS-1:0];
      next_q  <= ONE ? NEXT : NEXT + STRIDE;
    end
  end

endmodule

`default_nettype wire
