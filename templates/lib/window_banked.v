// SPDX-License-Identifier: MIT OR Apache-2.0
// Store and address generator of `window` for several windows per beat. Column c lies in bank c modulo BANKS, so the
// columns of adjacent windows, STRIDE_W apart, lie in different banks and one read of every bank serves them all.
`default_nettype none

module window_banked #(
    parameter BITS       = 8,                     // bits of one element
    parameter LANES      = 1,                     // elements per pixel and beat
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
    parameter [BITS-1:0] PAD_VALUE = {BITS{1'b0}},// code of every element outside the map
    parameter OUT_HEIGHT = 2,                     // output rows
    parameter OUT_BEATS  = 1,                     // groups of PIXELS output columns
    parameter FOLDS      = 1,                     // replays of every window; GROUPS when depthwise
    parameter DEPTHWISE  = 0,                     // 1: group is the outermost loop of a window
    parameter ROWS       = 4,                     // rows of the ring
    parameter PIXELS     = 2                      // windows per beat
) (
    input  wire                         clk,             // clock
    input  wire                         rst,             // synchronous reset, active high
    input  wire                         write,           // an input beat is accepted
    input  wire [LANES*BITS-1:0]        write_data,      // the input beat
    output wire                         row_written,     // ... and it is the last of its row
    input  wire                         issue,           // the next beat is read
    input  wire                         last_row,        // the output row is the last of its frame
    output wire                         at_row_start,    // the next beat is the first of its output row
    output wire                         at_row_end,      // the next beat is the last of its output row
    output wire                         m_valid,         // output beat, two cycles after it was issued
    output wire [PIXELS*LANES*BITS-1:0] m_data           // output beat
);

  localparam BEAT      = LANES * BITS;
  localparam BANKS     = PIXELS * STRIDE_W;
  localparam SPAN      = (WIDTH + BANKS - 1) / BANKS;              // columns of a row in one bank
  localparam ROW_WORDS = SPAN * GROUPS;                            // of one bank
  localparam DEPTH     = ROWS * ROW_WORDS;
  localparam A_BITS    = (DEPTH > 1) ? $clog2(DEPTH) : 1;
  localparam B_BITS    = $clog2(BANKS);
  localparam TURNS     = (KERNEL_W < BANKS) ? KERNEL_W : BANKS;    // banks in which a first window's columns lie
  localparam T_BITS    = (TURNS > 1) ? $clog2(TURNS) : 1;
  localparam REACH     = (OUT_BEATS * PIXELS - 1) * STRIDE_W + KERNEL_W - PAD_LEFT;    // columns that windows see
  localparam PADDED    = PAD_TOP + PAD_BOTTOM + PAD_LEFT > 0 || REACH > WIDTH;
  localparam C_BITS    = $clog2(WIDTH + BANKS * OUT_BEATS + KERNEL_W + PAD_LEFT + BANKS + 1) + 1;
  localparam R_BITS    = $clog2(HEIGHT + STRIDE_H + KERNEL_H + PAD_TOP + PAD_BOTTOM + 1) + 1;
  // The left edge of the padding lies LEFT_SPAN words before the row, less the part that fills a bank round.
  localparam LEFT_SPAN = (PAD_LEFT + BANKS - 1) / BANKS;
  localparam LEFT_BANK = LEFT_SPAN * BANKS - PAD_LEFT;             // bank of the first window's first column
  localparam FOLD_STEP  = ((DEPTHWISE != 0) ? 1 : 0) % DEPTH;
  localparam SPAN_STEP  = GROUPS % DEPTH;                          // one column further in the same bank
  localparam LINE_STEP  = ROW_WORDS % DEPTH;
  localparam ROW_STEP   = (STRIDE_H * ROW_WORDS) % DEPTH;
  localparam FRAME_STEP = (((HEIGHT - (OUT_HEIGHT - 1) * STRIDE_H) * ROW_WORDS) % DEPTH + DEPTH) % DEPTH;
  localparam START      = (DEPTH - (PAD_TOP * ROW_WORDS + LEFT_SPAN * GROUPS) % DEPTH) % DEPTH;
  localparam INNER      = (DEPTHWISE != 0) ? 1 : GROUPS;
  localparam [C_BITS-1:0] FIRST_COLUMN = {C_BITS{1'b0}} - PAD_LEFT[C_BITS-1:0];
  localparam [R_BITS-1:0] FIRST_ROW    = {R_BITS{1'b0}} - PAD_TOP[R_BITS-1:0];
  localparam [B_BITS-1:0] FIRST_BANK   = LEFT_BANK[B_BITS-1:0];
  localparam [B_BITS-1:0] LAST_BANK    = BANKS[B_BITS-1:0] - 1'b1;
  localparam [T_BITS-1:0] LAST_TURN    = TURNS[T_BITS-1:0] - 1'b1;

  // Writer: a row goes over the banks, pixel by pixel; the words a bank lacks in the last round are skipped.
  wire group_end, write_row_end;
  reg  [B_BITS-1:0] write_bank_q;
  reg  [A_BITS-1:0] round_address_q;       // first group of the round of banks being written
  reg  [A_BITS-1:0] write_address_q;
  wire [A_BITS-1:0] write_next, round_next;
  wire              round_end = write_bank_q == LAST_BANK;
  wire              write_pixel = write && group_end;

  assign row_written = write_pixel && write_row_end;

  loop_counter #(.LENGTH(GROUPS)) u_write_group (.clk(clk), .rst(rst), .step(write), .at_end(group_end));
  loop_counter #(.LENGTH(WIDTH)) u_write_column (.clk(clk), .rst(rst), .step(write_pixel), .at_end(write_row_end));
  ring_step #(.DEPTH(DEPTH), .STEP(1 % DEPTH)) u_write_step (.from(write_address_q), .to(write_next));
  ring_step #(.DEPTH(DEPTH), .STEP(SPAN_STEP)) u_round_step (.from(round_address_q), .to(round_next));

  always @(posedge clk) begin
    if (write) write_address_q <= write_next;
    if (write_pixel) begin
      write_bank_q <= (round_end || write_row_end) ? {B_BITS{1'b0}} : write_bank_q + 1'b1;
      if (round_end || write_row_end) round_address_q <= round_next;
      write_address_q <= (round_end || write_row_end) ? round_next : round_address_q;
    end
    if (rst) begin
      write_bank_q    <= {B_BITS{1'b0}};
      round_address_q <= {A_BITS{1'b0}};
      write_address_q <= {A_BITS{1'b0}};
    end
  end

  // Loops of the reader, innermost first.
  wire inner_end, column_end, line_end, fold_end, pixel_end;
  wire line_step  = inner_end && column_end;
  wire fold_step  = line_step && line_end;
  wire pixel_step = fold_step && fold_end;
  wire row_step   = pixel_step && pixel_end;

  loop_counter #(.LENGTH(INNER)) u_inner (.clk(clk), .rst(rst), .step(issue), .at_end(inner_end));
  loop_counter #(.LENGTH(KERNEL_W)) u_column (.clk(clk), .rst(rst), .step(issue && inner_end), .at_end(column_end));
  loop_counter #(.LENGTH(KERNEL_H)) u_line (.clk(clk), .rst(rst), .step(issue && line_step), .at_end(line_end));
  loop_counter #(.LENGTH(FOLDS)) u_fold (.clk(clk), .rst(rst), .step(issue && fold_step), .at_end(fold_end));
  loop_counter #(.LENGTH(OUT_BEATS)) u_pixel (.clk(clk), .rst(rst), .step(issue && pixel_step), .at_end(pixel_end));

  // Addresses are those of bank 0 in the round of banks that holds the first window's column. From one group of windows
  // to the next it is BANKS columns: one round, the same bank.
  reg               start_q;
  reg  [A_BITS-1:0] row_address_q, pixel_address_q, fold_address_q, line_address_q, span_address_q, address_q;
  reg  [C_BITS-1:0] pixel_column_q, column_q;      // first window's column of the map, negative in the padding
  reg  [R_BITS-1:0] window_row_q, row_q;
  reg  [B_BITS-1:0] bank_q;                        // bank of that column
  reg  [T_BITS-1:0] turn_q;                        // banks from the first column's to that one
  wire [A_BITS-1:0] fold_from = (DEPTHWISE != 0) ? fold_address_q : pixel_address_q;
  wire [A_BITS-1:0] inner_step_d, span_step_d, line_step_d, fold_step_d, pixel_step_d, row_step_d, frame_step_d;

  ring_step #(.DEPTH(DEPTH), .STEP(1 % DEPTH)) u_inner_step (.from(address_q), .to(inner_step_d));
  ring_step #(.DEPTH(DEPTH), .STEP(SPAN_STEP)) u_span_step (.from(span_address_q), .to(span_step_d));
  ring_step #(.DEPTH(DEPTH), .STEP(LINE_STEP)) u_line_step (.from(line_address_q), .to(line_step_d));
  ring_step #(.DEPTH(DEPTH), .STEP(FOLD_STEP)) u_fold_step (.from(fold_from), .to(fold_step_d));
  ring_step #(.DEPTH(DEPTH), .STEP(SPAN_STEP)) u_pixel_step (.from(pixel_address_q), .to(pixel_step_d));
  ring_step #(.DEPTH(DEPTH), .STEP(ROW_STEP)) u_row_step (.from(row_address_q), .to(row_step_d));
  ring_step #(.DEPTH(DEPTH), .STEP(FRAME_STEP)) u_frame_step (.from(row_address_q), .to(frame_step_d));

  wire              bank_wraps = bank_q == LAST_BANK;
  wire [A_BITS-1:0] row_next   = last_row ? frame_step_d : row_step_d;
  wire [A_BITS-1:0] pixel_next = row_step ? row_next : pixel_step_d;
  wire [A_BITS-1:0] fold_next  = pixel_step ? pixel_next : fold_step_d;
  wire [A_BITS-1:0] line_next  = fold_step ? fold_next : line_step_d;
  wire [A_BITS-1:0] span_next  = line_step ? line_next : bank_wraps ? span_step_d : span_address_q;
  wire [C_BITS-1:0] column_next = row_step ? FIRST_COLUMN : pixel_column_q + BANKS[C_BITS-1:0];
  wire [R_BITS-1:0] window_next = last_row ? FIRST_ROW : window_row_q + STRIDE_H[R_BITS-1:0];

  assign at_row_start = start_q;
  assign at_row_end   = row_step;

  always @(posedge clk) begin
    if (issue) begin
      start_q   <= row_step;
      address_q <= inner_end ? span_next : inner_step_d;
      column_q  <= pixel_step ? column_next : line_step ? pixel_column_q : column_q + {{(C_BITS - 1) {1'b0}}, inner_end};
      if (inner_end) span_address_q <= span_next;
      if (inner_end) bank_q <= line_step ? FIRST_BANK : bank_wraps ? {B_BITS{1'b0}} : bank_q + 1'b1;
      if (inner_end) turn_q <= (line_step || turn_q == LAST_TURN) ? {T_BITS{1'b0}} : turn_q + 1'b1;
      if (line_step) line_address_q <= line_next;
      if (line_step) row_q <= row_step ? window_next : fold_step ? window_row_q : row_q + 1'b1;
      if (fold_step) fold_address_q <= fold_next;
      if (pixel_step) pixel_address_q <= pixel_next;
      if (pixel_step) pixel_column_q <= column_next;
      if (row_step) row_address_q <= row_next;
      if (row_step) window_row_q <= window_next;
    end
    if (rst) begin
      start_q         <= 1'b1;
      address_q       <= START[A_BITS-1:0];
      span_address_q  <= START[A_BITS-1:0];
      line_address_q  <= START[A_BITS-1:0];
      fold_address_q  <= START[A_BITS-1:0];
      pixel_address_q <= START[A_BITS-1:0];
      row_address_q   <= START[A_BITS-1:0];
      column_q        <= FIRST_COLUMN;
      pixel_column_q  <= FIRST_COLUMN;
      bank_q          <= FIRST_BANK;
      turn_q          <= {T_BITS{1'b0}};
      row_q           <= FIRST_ROW;
      window_row_q    <= FIRST_ROW;
    end
  end

  // Banks before the first window's column are read one round later.
  wire [A_BITS-1:0]     address_later;
  wire [BANKS*BEAT-1:0] read_data;
  wire                  row_outside = row_q >= HEIGHT[R_BITS-1:0];
  reg                   read_valid_q;
  reg  [T_BITS-1:0]     read_turn_q;
  reg                   valid_q;
  reg  [PIXELS*BEAT-1:0] data_q;

  assign m_valid = valid_q;
  assign m_data  = data_q;

  ring_step #(.DEPTH(DEPTH), .STEP(SPAN_STEP)) u_later (.from(address_q), .to(address_later));

  genvar b, p;
  generate
    for (b = 0; b < BANKS; b = b + 1) begin : g_bank
      wire later;
      if (b == BANKS - 1) begin : g_last
        assign later = 1'b0;
      end else begin : g_before
        assign later = b[B_BITS-1:0] < bank_q;
      end

      ring_memory #(.WIDTH(BEAT), .DEPTH(DEPTH)) u_memory (
          .clk(clk),
          .write(write && write_bank_q == b[B_BITS-1:0]), .write_address(write_address_q), .write_data(write_data),
          .read(1'b1), .read_address(later ? address_later : address_q),
          .read_data(read_data[b*BEAT+:BEAT])
      );
    end

    for (p = 0; p < PIXELS; p = p + 1) begin : g_pixel
      localparam OFFSET = p * STRIDE_W;
      wire [TURNS*BEAT-1:0] turned;        // the bank of the window's first column first
      wire [      BEAT-1:0] chosen;

      for (b = 0; b < TURNS; b = b + 1) begin : g_turn
        localparam BANK = (LEFT_BANK + OFFSET + b) % BANKS;
        assign turned[b*BEAT+:BEAT] = read_data[BANK*BEAT+:BEAT];
      end
      element_select #(.WIDTH(BEAT), .COUNT(TURNS)) u_select (.words(turned), .index(read_turn_q), .word(chosen));

      if (PADDED) begin : g_padded
        wire [C_BITS-1:0] column = column_q + OFFSET[C_BITS-1:0];
        reg               outside_q;
        always @(posedge clk) begin
          outside_q            <= row_outside || column >= WIDTH[C_BITS-1:0];
          data_q[p*BEAT+:BEAT] <= outside_q ? {LANES{PAD_VALUE}} : chosen;
        end
      end else begin : g_map
        always @(posedge clk) data_q[p*BEAT+:BEAT] <= chosen;
      end
    end
    if (!PADDED) begin : g_inside
      wire unused = &{1'b0, row_outside, column_q};
    end
  endgenerate

  always @(posedge clk) begin
    read_valid_q <= issue;
    read_turn_q  <= turn_q;
    valid_q      <= read_valid_q;
    if (rst) begin
      read_valid_q <= 1'b0;
      valid_q      <= 1'b0;
    end
  end

endmodule

`default_nettype wire
