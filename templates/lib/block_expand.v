// SPDX-License-Identifier: MIT OR Apache-2.0
// Every pixel becomes a block of DOWN x RIGHT pixels: itself again and again, or its channels dealt out among them. Holds
// two rows of pixels. Latency 3 after the last beat of a row.
`default_nettype none

module block_expand #(
    parameter BITS   = 8,                  // bits of one element
    parameter LANES  = 2,                  // channels per beat given
    parameter GROUPS = 3,                  // beats of one pixel given
    parameter WIDTH  = 5,                  // pixels of one row taken
    parameter DOWN   = 2,                  // rows of a block
    parameter RIGHT  = 2,                  // columns of a block
    parameter FROM   = 0,                  // 0: a block repeats its pixel; 1: its pixels are runs of channels, row by row;
                                           // 2: they are channels side by side, a beat taken has LANES of each of them
    parameter PARTS  = (FROM == 2) ? DOWN * RIGHT : 1 // pixels of a beat taken
) (
    input  wire                        clk,      // clock
    input  wire                        rst,      // synchronous reset, active high
    input  wire                        s_valid,  // input beat offered
    output wire                        s_ready,  // input beat accepted
    input  wire [PARTS*LANES*BITS-1:0] s_data,   // LANES elements, each of PARTS pixels
    output wire                        m_valid,  // output beat offered
    input  wire                        m_ready,  // output beat accepted
    output wire [      LANES*BITS-1:0] m_data    // LANES elements of one pixel
);

  localparam BEAT        = LANES * BITS;
  localparam RUN         = (FROM == 1) ? RIGHT * GROUPS : 0;   // from a row of blocks to the one below
  localparam PIXEL_BEATS = (FROM == 1) ? DOWN * RUN : GROUPS;  // of a pixel taken
  localparam ROW         = WIDTH * PIXEL_BEATS;
  localparam DEPTH       = 2 * ROW;
  localparam A_BITS      = $clog2(DEPTH);
  localparam PART_BITS   = (PARTS > 1) ? $clog2(PARTS) : 1;

  reg  [         1:0] full_q;              // rows held
  wire                write = s_valid && s_ready;
  wire                write_end;           // the beat taken completes its row
  reg  [  A_BITS-1:0] write_address_q;
  wire [  A_BITS-1:0] write_address_d;

  wire                enable = !m_valid || m_ready;
  wire                issue = enable && full_q != 2'd0;
  wire                pixel_end, column_end, line_end, row_end;
  wire                block_end = pixel_end && column_end;
  wire                pass_end = block_end && line_end;
  wire                done = pass_end && row_end;
  reg  [  A_BITS-1:0] row_q;               // first word of the row being read
  reg  [  A_BITS-1:0] pass_q;              // where the pass through it began
  reg  [  A_BITS-1:0] block_q;             // where the block began
  reg  [  A_BITS-1:0] address_q;
  wire [  A_BITS-1:0] row_next, pass_next, block_next, address_next;

  assign s_ready = full_q != 2'd2;

  loop_counter #(.LENGTH(ROW)) u_write (.clk(clk), .rst(rst), .step(write), .at_end(write_end));
  loop_counter #(.LENGTH(GROUPS)) u_beats (.clk(clk), .rst(rst), .step(issue), .at_end(pixel_end));
  loop_counter #(.LENGTH(RIGHT)) u_columns (.clk(clk), .rst(rst), .step(issue && pixel_end), .at_end(column_end));
  loop_counter #(.LENGTH(WIDTH)) u_pixels (.clk(clk), .rst(rst), .step(issue && block_end), .at_end(line_end));
  loop_counter #(.LENGTH(DOWN)) u_rows (.clk(clk), .rst(rst), .step(issue && pass_end), .at_end(row_end));
  ring_step #(.DEPTH(DEPTH), .STEP(1)) u_write_step (.from(write_address_q), .to(write_address_d));
  ring_step #(.DEPTH(DEPTH), .STEP(1)) u_beat_step (.from(address_q), .to(address_next));
  ring_step #(.DEPTH(DEPTH), .STEP(PIXEL_BEATS)) u_block_step (.from(block_q), .to(block_next));
  ring_step #(.DEPTH(DEPTH), .STEP(RUN)) u_pass_step (.from(pass_q), .to(pass_next));
  ring_step #(.DEPTH(DEPTH), .STEP(ROW)) u_row_step (.from(row_q), .to(row_next));

  always @(posedge clk) begin
    full_q <= full_q + {1'b0, write && write_end} - {1'b0, issue && done};
    if (write) write_address_q <= write_address_d;
    if (issue) begin
      address_q <= address_next;
      if (pixel_end && !column_end && FROM != 1) address_q <= block_q;
      if (block_end) begin
        block_q   <= block_next;
        address_q <= block_next;
      end
      if (pass_end) begin
        pass_q    <= pass_next;
        block_q   <= pass_next;
        address_q <= pass_next;
      end
      if (done) begin
        row_q     <= row_next;
        pass_q    <= row_next;
        block_q   <= row_next;
        address_q <= row_next;
      end
    end
    if (rst) begin
      full_q          <= 2'd0;
      write_address_q <= {A_BITS{1'b0}};
      row_q           <= {A_BITS{1'b0}};
      pass_q          <= {A_BITS{1'b0}};
      block_q         <= {A_BITS{1'b0}};
      address_q       <= {A_BITS{1'b0}};
    end
  end

  wire [PARTS*BEAT-1:0] read_data;
  wire [      BEAT-1:0] chosen;
  reg                   read_valid_q;
  reg                   valid_q;
  reg  [      BEAT-1:0] data_q;

  assign m_valid = valid_q;
  assign m_data  = data_q;

  ring_memory #(.WIDTH(PARTS * BEAT), .DEPTH(DEPTH)) u_memory (
      .clk(clk),
      .write(write), .write_address(write_address_q), .write_data(s_data),
      .read(enable), .read_address(address_q), .read_data(read_data)
  );

  genvar part, l;
  generate
    if (PARTS == 1) begin : g_whole
      assign chosen = read_data;
    end else begin : g_parts
      wire [PARTS*BEAT-1:0] parts;
      reg  [ PART_BITS-1:0] line_q;        // the first part of this row of the block
      reg  [ PART_BITS-1:0] part_q;
      reg  [ PART_BITS-1:0] read_part_q;
      wire [ PART_BITS-1:0] part_next, line_next;

      ring_step #(.DEPTH(PARTS), .STEP(1)) u_part_step (.from(part_q), .to(part_next));
      ring_step #(.DEPTH(PARTS), .STEP(RIGHT % PARTS)) u_line_step (.from(line_q), .to(line_next));

      for (part = 0; part < PARTS; part = part + 1) begin : g_part
        for (l = 0; l < LANES; l = l + 1) begin : g_lane
          assign parts[(part*LANES+l)*BITS+:BITS] = read_data[(l*PARTS+part)*BITS+:BITS];
        end
      end

      element_select #(.WIDTH(BEAT), .COUNT(PARTS)) u_select (.words(parts), .index(read_part_q), .word(chosen));

      always @(posedge clk) begin
        if (enable) read_part_q <= part_q;
        if (issue && pixel_end) part_q <= column_end ? line_q : part_next;
        if (issue && pass_end) begin
          line_q <= line_next;
          part_q <= line_next;
        end
        if (rst) begin
          line_q <= {PART_BITS{1'b0}};
          part_q <= {PART_BITS{1'b0}};
        end
      end
    end
  endgenerate

  always @(posedge clk) begin
    if (enable) begin
      read_valid_q <= issue;
      valid_q      <= read_valid_q;
      data_q       <= chosen;
    end
    if (rst) begin
      read_valid_q <= 1'b0;
      valid_q      <= 1'b0;
    end
  end

endmodule

`default_nettype wire
