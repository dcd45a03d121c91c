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
    output wire row_present,               // the rows of the next output row are complete
    input  wire row_done,                  // the last beat of an output row is issued
    output wire last_row                   // the output row is the last of its frame
);

  // Rows counted from the start of the frame being read; negative while that frame's predecessor is still being written.
  localparam COUNT_BITS = $clog2(HEIGHT + ROWS + STRIDE_H + KERNEL_H + PAD_TOP + PAD_BOTTOM + 1) + 1;
  localparam ROOM_BITS  = $clog2(ROWS + STRIDE_H + 1);
  localparam signed [COUNT_BITS-1:0] FRAME = HEIGHT[COUNT_BITS-1:0];
  localparam signed [COUNT_BITS-1:0] STRIDE = STRIDE_H[COUNT_BITS-1:0];
  localparam signed [COUNT_BITS-1:0] FIRST_NEED_RAW = KERNEL_H[COUNT_BITS-1:0] - PAD_TOP[COUNT_BITS-1:0];
  localparam signed [COUNT_BITS-1:0] FIRST_NEED = (FIRST_NEED_RAW > FRAME) ? FRAME : FIRST_NEED_RAW;
  localparam signed [COUNT_BITS-1:0] FIRST_NEXT = STRIDE - PAD_TOP[COUNT_BITS-1:0];
  localparam signed [COUNT_BITS-1:0] ZERO = {COUNT_BITS{1'b0}};
  localparam [ROOM_BITS-1:0] RING = ROWS[ROOM_BITS-1:0];

  reg  signed [COUNT_BITS-1:0] need_q;     // rows that must be complete before the output row starts
  reg  signed [COUNT_BITS-1:0] ahead_q;    // rows complete beyond those
  reg         [ ROOM_BITS-1:0] base_q;     // rows released, modulo 2^ROOM_BITS
  reg  signed [COUNT_BITS-1:0] next_q;     // top row of the next output row's window
  reg         [ ROOM_BITS-1:0] room_q;     // rows of the ring that may be written

  wire signed [COUNT_BITS-1:0] need_sum = need_q + STRIDE;
  wire signed [COUNT_BITS-1:0] need_d = last_row ? FIRST_NEED : (need_sum > FRAME) ? FRAME : need_sum;
  wire signed [COUNT_BITS-1:0] further = (last_row ? FIRST_NEED + FRAME : need_d) - need_q;
  wire        [ ROOM_BITS-1:0] base_next = (last_row || next_q > FRAME) ? FRAME[ROOM_BITS-1:0] :
      (next_q < ZERO) ? {ROOM_BITS{1'b0}} : next_q[ROOM_BITS-1:0];
  wire        [ ROOM_BITS-1:0] freed = base_next - base_q;

  assign row_present = !ahead_q[COUNT_BITS-1];
  assign row_room    = room_q != {ROOM_BITS{1'b0}};

  loop_counter #(.LENGTH(OUT_HEIGHT)) u_out_row (.clk(clk), .rst(rst), .step(row_done), .at_end(last_row));

  always @(posedge clk) begin
    ahead_q <= ahead_q + {{(COUNT_BITS - 1) {1'b0}}, row_written} - (row_done ? further : ZERO);
    room_q  <= room_q + (row_done ? freed : {ROOM_BITS{1'b0}}) - (row_written ? {{(ROOM_BITS - 1) {1'b0}}, 1'b1} : {ROOM_BITS{1'b0}});
    if (row_done) begin
      need_q    <= need_d;
      next_q    <= last_row ? FIRST_NEXT : next_q + STRIDE;
      base_q    <= last_row ? {ROOM_BITS{1'b0}} : base_next;
    end
    if (rst) begin
      ahead_q    <= -FIRST_NEED;
      need_q     <= FIRST_NEED;
      next_q     <= FIRST_NEXT;
      base_q     <= {ROOM_BITS{1'b0}};
      room_q     <= RING;
    end
  end

endmodule

`default_nettype wire
