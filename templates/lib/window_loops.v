// SPDX-License-Identifier: MIT OR Apache-2.0
// Loops of a window's reader, innermost first, one beat ahead of what is read: which loop the beat after the next ends is
// known before, and with it where the next beat lies on the map.
`default_nettype none

module window_loops #(
    parameter HEIGHT     = 4,              // input rows
    parameter WIDTH      = 4,              // input columns
    parameter INNER      = 1,              // beats at each place of the kernel
    parameter KERNEL_W   = 3,              // columns of the kernel
    parameter KERNEL_H   = 3,              // rows of the kernel
    parameter REPLAYS    = 1,              // times that a window is given before its next beats come
    parameter FOLDS      = 1,              // times that it is given in all
    parameter STRIDE_H   = 1,              // rows from one window to the next
    parameter STRIDE_W   = 1,              // columns from one window to the next
    parameter DILATION_H = 1,              // rows from one place of the kernel to the next
    parameter DILATION_W = 1,              // columns from one place of the kernel to the next
    parameter PAD_TOP    = 0,              // padding rows above the map
    parameter PAD_LEFT   = 0,              // padding columns left of the map
    parameter OUT_HEIGHT = 2,              // output rows
    parameter OUT_BEATS  = 2,              // groups of PIXELS output columns
    parameter PIXELS     = 1,              // windows per beat
    parameter FIRST      = 0               // kind of the step behind a frame's first beat
) (
    input  wire              clk,          // clock
    input  wire              rst,          // synchronous reset, active high
    input  wire              issue,        // the next beat is read
    output wire [       7:0] kind,         // one-hot: kind of the step behind the beat after the next, as below
    output wire              next_last,    // the output row of the beat after the next is the last of its frame
    output wire              start_next,   // the beat of the next cycle, if it comes, is the first of its output row
    output wire              at_row_end,   // the next beat is the last of its output row
    output wire [PIXELS-1:0] outside       // the next beat of that window lies in the padding
);

  localparam BEAT = 0, COLUMN = 1, LINE = 2, REPLAY = 3, ADVANCE = 4, PIXEL = 5, ROW = 6, FRAME = 7;

  wire inner_end, column_end, line_end, replay_end, fold_end, pixel_end, row_end;
  wire line   = inner_end && column_end;   // a line of the window ends
  wire fold   = line && line_end;          // the window ends
  wire pixel  = fold && fold_end;          // its last replay ends
  wire row    = pixel && pixel_end;        // the output row ends
  reg  start_q;
  reg  end_q;

  assign kind[BEAT]    = !inner_end;
  assign kind[COLUMN]  = inner_end && !column_end;
  assign kind[LINE]    = line && !line_end;
  assign kind[REPLAY]  = fold && !fold_end && !replay_end;
  assign kind[ADVANCE] = fold && !fold_end && replay_end;
  assign kind[PIXEL]   = pixel && !pixel_end;
  assign kind[ROW]     = row && !row_end;
  assign kind[FRAME]   = row && row_end;
  assign next_last     = row_end;
  assign start_next    = issue ? end_q : start_q;
  assign at_row_end    = end_q;

  loop_counter #(.LENGTH(INNER), .FIRST(1 % INNER)) u_inner (.clk(clk), .rst(rst), .step(issue), .at_end(inner_end));
  loop_counter #(.LENGTH(KERNEL_W), .FIRST((FIRST >= COLUMN) ? 1 % KERNEL_W : 0)) u_column (
      .clk(clk), .rst(rst), .step(issue && inner_end), .at_end(column_end)
  );
  loop_counter #(.LENGTH(KERNEL_H), .FIRST((FIRST >= LINE) ? 1 % KERNEL_H : 0)) u_line (
      .clk(clk), .rst(rst), .step(issue && line), .at_end(line_end)
  );
  loop_counter #(.LENGTH(FOLDS), .FIRST((FIRST >= REPLAY) ? 1 % FOLDS : 0)) u_fold (
      .clk(clk), .rst(rst), .step(issue && fold), .at_end(fold_end)
  );
  loop_counter #(.LENGTH(OUT_BEATS), .FIRST((FIRST >= PIXEL) ? 1 % OUT_BEATS : 0)) u_pixel (
      .clk(clk), .rst(rst), .step(issue && pixel), .at_end(pixel_end)
  );
  loop_counter #(.LENGTH(OUT_HEIGHT), .FIRST((FIRST >= ROW) ? 1 % OUT_HEIGHT : 0)) u_row (
      .clk(clk), .rst(rst), .step(issue && row), .at_end(row_end)
  );

  always @(posedge clk) begin
    start_q <= start_next;
    if (issue) end_q <= row;
    if (rst) begin
      start_q <= 1'b1;
      end_q   <= FIRST >= ROW;
    end
  end

  // Place on the map of the first window's beat, negative in the padding: each kind of step moves it by a constant.
  localparam BEYOND_H = (OUT_HEIGHT - 1) * STRIDE_H + (KERNEL_H - 1) * DILATION_H - PAD_TOP + 1;   // rows that windows see
  localparam BEYOND_W = (OUT_BEATS * PIXELS - 1) * STRIDE_W + (KERNEL_W - 1) * DILATION_W - PAD_LEFT + 1;
  localparam PADDED_H = PAD_TOP > 0 || BEYOND_H > HEIGHT;
  localparam PADDED_W = PAD_LEFT > 0 || BEYOND_W > WIDTH;
  localparam BITS_R   = $clog2(((BEYOND_H > HEIGHT) ? BEYOND_H : HEIGHT) + PAD_TOP + 1);
  localparam BITS_C   = $clog2(((BEYOND_W > WIDTH) ? BEYOND_W : WIDTH) + PAD_LEFT + 1);
  localparam signed [31:0] STAY    = 0;
  localparam signed [31:0] R_LINE  = DILATION_H;
  localparam signed [31:0] R_FOLD  = -(KERNEL_H - 1) * DILATION_H;
  localparam signed [31:0] R_ROW   = R_FOLD + STRIDE_H;
  localparam signed [31:0] R_FRAME = R_FOLD - (OUT_HEIGHT - 1) * STRIDE_H;
  localparam signed [31:0] C_PLACE = DILATION_W;
  localparam signed [31:0] C_LINE  = -(KERNEL_W - 1) * DILATION_W;
  localparam signed [31:0] C_PIXEL = C_LINE + PIXELS * STRIDE_W;
  localparam signed [31:0] C_ROW   = C_LINE - (OUT_BEATS - 1) * PIXELS * STRIDE_W;

  genvar p;
  generate
    if (REPLAYS < FOLDS) begin : g_advance
      loop_counter #(.LENGTH(REPLAYS), .FIRST((FIRST >= REPLAY) ? 1 % REPLAYS : 0)) u_replay (
          .clk(clk), .rst(rst), .step(issue && fold), .at_end(replay_end)
      );
    end else begin : g_same
      assign replay_end = 1'b0;
    end

    if (PADDED_H || PADDED_W) begin : g_padded
      wire [BITS_R-1:0] row_place;
      wire [BITS_C-1:0] column_place;
      wire              row_outside = PADDED_H && row_place >= HEIGHT[BITS_R-1:0];

      ring_walk #(
          .DEPTH(1 << BITS_R), .START(-PAD_TOP), .KINDS(8), .FIRST(FIRST),
          .STEPS({R_FRAME, R_ROW, R_FOLD, R_FOLD, R_FOLD, R_LINE, STAY, STAY})
      ) u_row_place (.clk(clk), .rst(rst), .step(issue), .kind(kind), .place(row_place));
      ring_walk #(
          .DEPTH(1 << BITS_C), .START(-PAD_LEFT), .KINDS(8), .FIRST(FIRST),
          .STEPS({C_ROW, C_ROW, C_PIXEL, C_LINE, C_LINE, C_LINE, C_PLACE, STAY})
      ) u_column_place (.clk(clk), .rst(rst), .step(issue), .kind(kind), .place(column_place));

      for (p = 0; p < PIXELS; p = p + 1) begin : g_pixel
        localparam OFFSET = p * STRIDE_W;
        wire [BITS_C-1:0] place = column_place + OFFSET[BITS_C-1:0];
        assign outside[p] = row_outside || (PADDED_W && place >= WIDTH[BITS_C-1:0]);
      end
    end else begin : g_map
      assign outside = {PIXELS{1'b0}};
    end
  endgenerate

endmodule

`default_nettype wire
