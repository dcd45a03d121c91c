// SPDX-License-Identifier: MIT OR Apache-2.0
// Sliding window over a feature map kept in a ring of rows; also the replay buffer of a dense layer. Every output
// pixel's window is given FOLDS times: INNER of its GROUPS beats, REPLAYS times, then the next INNER. See
// templates/README.md for timing.
`default_nettype none

module window #(
    parameter BITS       = 8,                     // bits of one element
    parameter LANES      = 1,                     // elements per input beat
    parameter HEIGHT     = 4,                     // input rows
    parameter WIDTH      = 4,                     // input columns
    parameter GROUPS     = 1,                     // input beats per pixel
    parameter KERNEL_H   = 3,                     // window rows
    parameter KERNEL_W   = 3,                     // window columns
    parameter STRIDE_H   = 1,                     // rows from one window to the next
    parameter STRIDE_W   = 1,                     // columns from one window to the next
    parameter PAD_TOP    = 0,                     // rows of PAD_VALUE above the map
    parameter PAD_BOTTOM = 0,                     // rows of PAD_VALUE below the map
    parameter PAD_LEFT   = 0,                     // columns of PAD_VALUE left of the map
    parameter PAD_RIGHT  = 0,                     // columns of PAD_VALUE right of the map
    parameter [BITS-1:0] PAD_VALUE = {BITS{1'b0}},// code of every element outside the map
    parameter FOLDS      = 1,                     // times that a window is given
    parameter INNER      = GROUPS,                // beats of a pixel that belong to a fold; 1 where channels are apart
    parameter REPLAYS    = FOLDS,                 // folds before the next INNER beats come; FOLDS / REPLAYS * INNER = GROUPS
    parameter DILATION_H = 1,                     // rows from one place of the kernel to the next (PIXELS = 1)
    parameter DILATION_W = 1,                     // columns from one place of the kernel to the next (PIXELS = 1)
    parameter ROWS       = 4,                     // rows of the ring, at least those from a window's first to its last
    parameter PIXELS     = 1,                     // windows per output beat, adjacent in their row
    parameter REGISTERED = 0,                     // 1: a register behind the memory's own, and a cycle more
    parameter STEPS      = 1,                     // output beats that make a result
    parameter PLACES     = 1                      // results that may be under way at once
) (
    input  wire                         clk,      // clock
    input  wire                         rst,      // synchronous reset, active high
    input  wire                         s_valid,  // input beat offered
    output wire                         s_ready,  // input beat accepted
    input  wire [       LANES*BITS-1:0] s_data,   // input beat: LANES channels of one pixel
    input  wire                         freed,    // a result left: its place may be used again
    output wire                         m_issue,  // an output beat is issued; it follows two cycles later
    output wire                         m_last,   // ... and is the last of its result
    output wire                         m_valid,  // output beat
    output wire [PIXELS*LANES*BITS-1:0] m_data    // output beat: one kernel position of PIXELS windows
);

  localparam SPAN_H     = (KERNEL_H - 1) * DILATION_H + 1;  // from the first place of the kernel to the last
  localparam SPAN_W     = (KERNEL_W - 1) * DILATION_W + 1;
  localparam OUT_HEIGHT = (HEIGHT + PAD_TOP + PAD_BOTTOM - SPAN_H) / STRIDE_H + 1;
  localparam OUT_WIDTH  = (WIDTH + PAD_LEFT + PAD_RIGHT - SPAN_W) / STRIDE_W + 1;
  localparam OUT_BEATS  = (OUT_WIDTH + PIXELS - 1) / PIXELS;

  // Kind of the step behind a window's first beat, as `window_loops` has them: the innermost loop of more than one turn.
  localparam FIRST = (INNER > 1) ? 0 : (KERNEL_W > 1) ? 1 : (KERNEL_H > 1) ? 2 :
      (FOLDS > 1) ? ((REPLAYS == 1) ? 4 : 3) : (OUT_BEATS > 1) ? 5 : (OUT_HEIGHT > 1) ? 6 : 7;

  wire row_written;                               // the last beat of an input row is accepted
  wire present_next;                              // the rows of the output row will be there
  wire next_last;                                 // the output row of the beat after the next is the last of its frame
  wire start_next;                                // the beat of the next cycle would be the first of its output row
  wire at_row_end;                                // the next beat is the last of its output row
  wire open_next;                                 // there will be room for what it completes
  wire unused_open;
  reg  issue_q;                                   // the next beat is read: decided a cycle before, for it reaches far
  wire write = s_valid && s_ready;
  wire [       7:0] kind;                         // of the step behind the beat after the next
  wire [PIXELS-1:0] outside;                      // the next beat lies in the padding

  reg  told_q, told_last_q;                       // the same, a cycle later
  wire last;                                      // the next beat completes a result

  assign m_issue = (REGISTERED != 0) ? told_q : issue_q;
  assign m_last  = (REGISTERED != 0) ? told_last_q : last;

  always @(posedge clk) begin
    told_q      <= issue_q && !rst;
    told_last_q <= last;
  end

  always @(posedge clk) issue_q <= open_next && (!start_next || present_next) && !rst;

  issue_gate #(.STEPS(STEPS), .PLACES(PLACES)) u_gate (
      .clk(clk), .rst(rst), .issue(issue_q), .freed(freed), .open(unused_open), .open_next(open_next), .last(last)
  );

  window_loops #(
      .HEIGHT(HEIGHT), .WIDTH(WIDTH), .INNER(INNER), .KERNEL_W(KERNEL_W), .KERNEL_H(KERNEL_H),
      .REPLAYS(REPLAYS), .FOLDS(FOLDS), .STRIDE_H(STRIDE_H), .STRIDE_W(STRIDE_W), .DILATION_H(DILATION_H),
      .DILATION_W(DILATION_W), .PAD_TOP(PAD_TOP), .PAD_LEFT(PAD_LEFT), .OUT_HEIGHT(OUT_HEIGHT), .OUT_BEATS(OUT_BEATS),
      .PIXELS(PIXELS), .FIRST(FIRST)
  ) u_loops (
      .clk(clk), .rst(rst), .issue(issue_q), .kind(kind), .next_last(next_last), .start_next(start_next),
      .at_row_end(at_row_end), .outside(outside)
  );

  window_rows #(
      .HEIGHT(HEIGHT), .OUT_HEIGHT(OUT_HEIGHT), .KERNEL_H(SPAN_H), .STRIDE_H(STRIDE_H), .PAD_TOP(PAD_TOP),
      .PAD_BOTTOM(PAD_BOTTOM), .ROWS(ROWS)
  ) u_rows (
      .clk(clk), .rst(rst), .row_written(row_written), .row_room(s_ready), .present_next(present_next),
      .row_done(issue_q && at_row_end), .next_last(next_last)
  );

  generate
    if (PIXELS == 1) begin : g_single
      window_single #(
          .BITS(BITS), .LANES(LANES), .HEIGHT(HEIGHT), .WIDTH(WIDTH), .GROUPS(GROUPS),
          .KERNEL_H(KERNEL_H), .KERNEL_W(KERNEL_W), .STRIDE_H(STRIDE_H), .STRIDE_W(STRIDE_W), .PAD_TOP(PAD_TOP),
          .PAD_LEFT(PAD_LEFT), .PAD_VALUE(PAD_VALUE), .OUT_HEIGHT(OUT_HEIGHT), .OUT_WIDTH(OUT_BEATS), .FOLDS(FOLDS),
          .INNER(INNER), .REPLAYS(REPLAYS), .DILATION_H(DILATION_H), .DILATION_W(DILATION_W), .ROWS(ROWS), .FIRST(FIRST),
          .REGISTERED(REGISTERED)
      ) u_single (
          .clk(clk), .rst(rst), .write(write), .write_data(s_data), .row_written(row_written),
          .issue(issue_q), .kind(kind), .outside(outside), .m_valid(m_valid), .m_data(m_data)
      );
    end else if (DILATION_H != 1 || DILATION_W != 1) begin : g_banked
      dilation_needs_one_pixel u_banked ();
    end else begin : g_banked
      window_banked #(
          .BITS(BITS), .LANES(LANES), .HEIGHT(HEIGHT), .WIDTH(WIDTH), .GROUPS(GROUPS),
          .KERNEL_H(KERNEL_H), .KERNEL_W(KERNEL_W), .STRIDE_H(STRIDE_H), .STRIDE_W(STRIDE_W), .PAD_TOP(PAD_TOP),
          .PAD_LEFT(PAD_LEFT), .PAD_VALUE(PAD_VALUE), .OUT_HEIGHT(OUT_HEIGHT), .OUT_BEATS(OUT_BEATS), .FOLDS(FOLDS),
          .INNER(INNER), .REPLAYS(REPLAYS), .ROWS(ROWS), .PIXELS(PIXELS), .FIRST(FIRST),
          .REGISTERED(REGISTERED)
      ) u_banked (
          .clk(clk), .rst(rst), .write(write), .write_data(s_data), .row_written(row_written),
          .issue(issue_q), .kind(kind), .outside(outside), .m_valid(m_valid), .m_data(m_data)
      );
    end
  endgenerate

endmodule

`default_nettype wire
