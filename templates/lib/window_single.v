// SPDX-License-Identifier: MIT OR Apache-2.0
// Store and address generator of `window` for one window per beat. All addresses count modulo the ring, so positions
// in the padding have an address too; what is read there is replaced by PAD_VALUE.
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
    parameter PAD_BOTTOM = 0,                     // padding rows below the map
    parameter PAD_LEFT   = 0,                     // padding columns left of the map
    parameter PAD_RIGHT  = 0,                     // padding columns right of the map
    parameter [BITS-1:0] PAD_VALUE = {BITS{1'b0}},// code of every element outside the map
    parameter OUT_HEIGHT = 2,                     // output rows
    parameter OUT_WIDTH  = 2,                     // output columns
    parameter FOLDS      = 1,                     // replays of every window; GROUPS when depthwise
    parameter INNER      = 1,                     // beats of a pixel that belong to a fold
    parameter REPLAYS    = 1,                     // folds before the next INNER beats come
    parameter DILATION_H = 1,                     // rows from one place of the kernel to the next
    parameter DILATION_W = 1,                     // columns from one place of the kernel to the next
    parameter ROWS       = 4                      // rows of the ring
) (
    input  wire                  clk,             // clock
    input  wire                  rst,             // synchronous reset, active high
    input  wire                  write,           // an input beat is accepted
    input  wire [LANES*BITS-1:0] write_data,      // the input beat
    output wire                  row_written,     // ... and it is the last of its row
    input  wire                  issue,           // the next beat is read
    input  wire                  last_row,        // the output row is the last of its frame
    output wire                  at_row_start,    // the next beat is the first of its output row
    output wire                  at_row_end,      // the next beat is the last of its output row
    output wire                  m_valid,         // output beat, two cycles after it was issued
    output wire [LANES*BITS-1:0] m_data           // output beat
);

  localparam ROW_WORDS   = WIDTH * GROUPS;
  localparam DEPTH       = ROWS * ROW_WORDS;
  localparam BITS_A      = (DEPTH > 1) ? $clog2(DEPTH) : 1;
  localparam ADVANCES    = REPLAYS < FOLDS;        // later folds read other beats of the pixel
  // Steps of the address, modulo the ring.
  localparam INNER_STEP  = 1 % DEPTH;
  localparam COLUMN_STEP = (DILATION_W * GROUPS - (INNER - 1)) % DEPTH;
  localparam FOLD_STEP   = (ADVANCES ? INNER : 0) % DEPTH;
  localparam LINE_STEP   = (DILATION_H * ROW_WORDS) % DEPTH;
  localparam PIXEL_STEP  = (STRIDE_W * GROUPS) % DEPTH;
  localparam ROW_STEP    = (STRIDE_H * ROW_WORDS) % DEPTH;
  localparam FRAME_STEP  = (((HEIGHT - (OUT_HEIGHT - 1) * STRIDE_H) * ROW_WORDS) % DEPTH + DEPTH) % DEPTH;
  localparam START       = (DEPTH - (PAD_TOP * ROW_WORDS + PAD_LEFT * GROUPS) % DEPTH) % DEPTH;
  localparam BITS_C      = $clog2(WIDTH + STRIDE_W + KERNEL_W * DILATION_W + PAD_LEFT + PAD_RIGHT + 1) + 1;
  localparam BITS_R      = $clog2(HEIGHT + STRIDE_H + KERNEL_H * DILATION_H + PAD_TOP + PAD_BOTTOM + 1) + 1;
  localparam [BITS_C-1:0] FIRST_COLUMN = {BITS_C{1'b0}} - PAD_LEFT[BITS_C-1:0];
  localparam [BITS_R-1:0] FIRST_ROW    = {BITS_R{1'b0}} - PAD_TOP[BITS_R-1:0];

  // Writer.
  reg  [BITS_A-1:0] write_address_q;
  wire [BITS_A-1:0] write_address_d;
  wire              row_complete;

  assign row_written = write && row_complete;

  loop_counter #(.LENGTH(ROW_WORDS)) u_written (.clk(clk), .rst(rst), .step(write), .at_end(row_complete));
  ring_step #(.DEPTH(DEPTH), .STEP(1 % DEPTH)) u_write_step (.from(write_address_q), .to(write_address_d));

  always @(posedge clk) begin
    if (write) write_address_q <= write_address_d;
    if (rst) write_address_q <= {BITS_A{1'b0}};
  end

  // Loops, innermost first.
  wire inner_end, column_end, line_end, replay_end, fold_end, pixel_end;
  wire line_step  = inner_end && column_end;       // a line of the window ends
  wire fold_step  = line_step && line_end;         // the window ends
  wire pixel_step = fold_step && fold_end;         // its last replay ends
  wire row_step   = pixel_step && pixel_end;       // the output row ends

  loop_counter #(.LENGTH(INNER)) u_inner (.clk(clk), .rst(rst), .step(issue), .at_end(inner_end));
  loop_counter #(.LENGTH(KERNEL_W)) u_column (.clk(clk), .rst(rst), .step(issue && inner_end), .at_end(column_end));
  loop_counter #(.LENGTH(KERNEL_H)) u_line (.clk(clk), .rst(rst), .step(issue && line_step), .at_end(line_end));
  loop_counter #(.LENGTH(REPLAYS)) u_replay (.clk(clk), .rst(rst), .step(issue && fold_step), .at_end(replay_end));
  loop_counter #(.LENGTH(FOLDS)) u_fold (.clk(clk), .rst(rst), .step(issue && fold_step), .at_end(fold_end));
  loop_counter #(.LENGTH(OUT_WIDTH)) u_pixel (.clk(clk), .rst(rst), .step(issue && pixel_step), .at_end(pixel_end));

  // Where each loop began, and where we are.
  reg              start_q;
  reg [BITS_A-1:0] row_address_q, pixel_address_q, fold_address_q, line_address_q, address_q;
  reg [BITS_C-1:0] pixel_column_q, column_q;       // column of the map, negative in the padding
  reg [BITS_R-1:0] window_row_q, row_q;            // row of the map, negative in the padding

  wire [BITS_A-1:0] fold_from = ADVANCES ? fold_address_q : pixel_address_q;
  wire [BITS_A-1:0] inner_step_d, column_step_d, line_step_d, fold_step_d, pixel_step_d, row_step_d, frame_step_d;

  ring_step #(.DEPTH(DEPTH), .STEP(COLUMN_STEP)) u_column_step (.from(address_q), .to(column_step_d));
  generate
    if (INNER == 1 || COLUMN_STEP == INNER_STEP) begin : g_one_step
      assign inner_step_d = column_step_d;
    end else begin : g_two_steps
      wire [BITS_A-1:0] along;
      ring_step #(.DEPTH(DEPTH), .STEP(INNER_STEP)) u_inner_step (.from(address_q), .to(along));
      assign inner_step_d = inner_end ? column_step_d : along;
    end
  endgenerate
  ring_step #(.DEPTH(DEPTH), .STEP(LINE_STEP)) u_line_step (.from(line_address_q), .to(line_step_d));
  ring_step #(.DEPTH(DEPTH), .STEP(FOLD_STEP)) u_fold_step (.from(fold_from), .to(fold_step_d));
  ring_step #(.DEPTH(DEPTH), .STEP(PIXEL_STEP)) u_pixel_step (.from(pixel_address_q), .to(pixel_step_d));
  ring_step #(.DEPTH(DEPTH), .STEP(ROW_STEP)) u_row_step (.from(row_address_q), .to(row_step_d));
  ring_step #(.DEPTH(DEPTH), .STEP(FRAME_STEP)) u_frame_step (.from(row_address_q), .to(frame_step_d));

  wire [BITS_A-1:0] row_next   = last_row ? frame_step_d : row_step_d;
  wire [BITS_A-1:0] pixel_next = row_step ? row_next : pixel_step_d;
  wire [BITS_A-1:0] fold_next  = pixel_step ? pixel_next : (ADVANCES && !replay_end) ? fold_address_q : fold_step_d;
  wire [BITS_A-1:0] line_next  = fold_step ? fold_next : line_step_d;
  wire [BITS_C-1:0] column_next = row_step ? FIRST_COLUMN : pixel_column_q + STRIDE_W[BITS_C-1:0];
  wire [BITS_R-1:0] window_next = last_row ? FIRST_ROW : window_row_q + STRIDE_H[BITS_R-1:0];

  assign at_row_start = start_q;
  assign at_row_end   = row_step;

  always @(posedge clk) begin
    if (issue) begin
      start_q   <= row_step;
      address_q <= line_step ? line_next : inner_step_d;
      column_q  <= pixel_step ? column_next : line_step ? pixel_column_q : inner_end ? column_q + DILATION_W[BITS_C-1:0] : column_q;
      if (line_step) line_address_q <= line_next;
      if (line_step) row_q <= row_step ? window_next : fold_step ? window_row_q : row_q + DILATION_H[BITS_R-1:0];
      if (fold_step) fold_address_q <= fold_next;
      if (pixel_step) pixel_address_q <= pixel_next;
      if (pixel_step) pixel_column_q <= column_next;
      if (row_step) row_address_q <= row_next;
      if (row_step) window_row_q <= window_next;
    end
    if (rst) begin
      start_q         <= 1'b1;
      address_q       <= START[BITS_A-1:0];
      line_address_q  <= START[BITS_A-1:0];
      fold_address_q  <= START[BITS_A-1:0];
      pixel_address_q <= START[BITS_A-1:0];
      row_address_q   <= START[BITS_A-1:0];
      column_q        <= FIRST_COLUMN;
      pixel_column_q  <= FIRST_COLUMN;
      row_q           <= FIRST_ROW;
      window_row_q    <= FIRST_ROW;
    end
  end

  // Memory, then the padding.
  localparam PADDED_W = PAD_LEFT + PAD_RIGHT > 0;
  localparam PADDED_H = PAD_TOP + PAD_BOTTOM > 0;

  wire                  outside = (PADDED_W && column_q >= WIDTH[BITS_C-1:0]) || (PADDED_H && row_q >= HEIGHT[BITS_R-1:0]);
  wire [LANES*BITS-1:0] read_data;
  reg                   read_valid_q;
  reg                   read_outside_q;
  reg                   valid_q;
  reg  [LANES*BITS-1:0] data_q;

  assign m_valid = valid_q;
  assign m_data  = data_q;

  ring_memory #(.WIDTH(LANES * BITS), .DEPTH(DEPTH)) u_memory (
      .clk(clk),
      .write(write), .write_address(write_address_q), .write_data(write_data),
      .read(1'b1), .read_address(address_q), .read_data(read_data)
  );

  always @(posedge clk) begin
    read_valid_q   <= issue;
    read_outside_q <= outside;
    valid_q        <= read_valid_q;
    data_q         <= read_outside_q ? {LANES{PAD_VALUE}} : read_data;
    if (rst) begin
      read_valid_q <= 1'b0;
      valid_q      <= 1'b0;
    end
  end

endmodule

`default_nettype wire
