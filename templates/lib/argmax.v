// SPDX-License-Identifier: MIT OR Apache-2.0
// Index of the greatest element of a vector; the lowest index wins a tie. Latency 1 after the last element. The next
// vector comes in while a result waits, all but its last element; so `s_ready` does not hang on `m_ready`.
`default_nettype none

module argmax #(
    parameter BITS       = 8,              // bits of one element
    parameter SIGNED     = 0,              // 1: elements are two's complement
    parameter LENGTH     = 10,             // elements of one vector, one per input beat
    parameter INDEX_BITS = 4               // bits of the index
) (
    input  wire                  clk,      // clock
    input  wire                  rst,      // synchronous reset, active high
    input  wire                  s_valid,  // input beat offered
    output wire                  s_ready,  // input beat accepted
    input  wire [      BITS-1:0] s_data,   // one element
    output wire                  m_valid,  // output beat offered
    input  wire                  m_ready,  // output beat accepted
    output wire [INDEX_BITS-1:0] m_data    // index of the greatest element
);

  localparam COUNT_BITS = (LENGTH > 1) ? $clog2(LENGTH) : 1;
  localparam [COUNT_BITS-1:0] LAST = LENGTH[COUNT_BITS-1:0] - 1'b1;

  reg  [COUNT_BITS-1:0] count_q;           // index of the element offered
  reg  [COUNT_BITS-1:0] index_q;           // index of the greatest so far
  reg  [      BITS-1:0] best_q;            // the greatest so far, top bit flipped when signed
  reg                   first_q;           // the element offered is the vector's first
  reg                   at_end_q;          // ... or its last
  reg  [COUNT_BITS-1:0] result_q;
  reg                   valid_q;

  wire [      BITS-1:0] offset = (SIGNED != 0) ? ~({BITS{1'b1}} >> 1) : {BITS{1'b0}};
  wire [      BITS-1:0] element = s_data ^ offset;
  wire [        BITS:0] below = {1'b0, best_q} - {1'b0, element};
  wire                  unused = &{1'b0, below[BITS-1:0]};
  wire                  better = first_q || below[BITS];
  wire                  take = s_valid && s_ready;
  wire [COUNT_BITS-1:0] count_d = at_end_q ? {COUNT_BITS{1'b0}} : count_q + 1'b1;

  assign s_ready = !valid_q || !at_end_q || (LENGTH == 1 && m_ready);
  assign m_valid = valid_q;

  generate
    if (INDEX_BITS > COUNT_BITS) begin : g_extend
      assign m_data = {{(INDEX_BITS - COUNT_BITS) {1'b0}}, result_q};
    end else begin : g_same
      assign m_data = result_q[INDEX_BITS-1:0];
    end
  endgenerate

  always @(posedge clk) begin
    if (m_ready) valid_q <= 1'b0;
    if (take) begin
      first_q  <= at_end_q;
      count_q  <= count_d;
      at_end_q <= count_d == LAST;
      if (better) begin
        best_q  <= element;
        index_q <= count_q;
      end
      if (at_end_q) begin
        valid_q  <= 1'b1;
        result_q <= better ? count_q : index_q;
      end
    end
    if (rst) begin
      first_q  <= 1'b1;
      count_q  <= {COUNT_BITS{1'b0}};
      at_end_q <= LENGTH == 1;
      valid_q  <= 1'b0;
    end
  end

endmodule

`default_nettype wire
