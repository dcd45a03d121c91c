// SPDX-License-Identifier: MIT OR Apache-2.0
// Where the results of a pipeline that never stalls wait for their reader. Whoever issues what becomes a result counts
// the places.
`default_nettype none

module result_buffer #(
    parameter WIDTH  = 8,                  // bits of one result
    parameter PLACES = 2                   // results
) (
    input  wire             clk,           // clock
    input  wire             rst,           // synchronous reset, active high
    input  wire             s_valid,       // a result comes; there is a place for it
    input  wire [WIDTH-1:0] s_data,        // the result
    output wire             freed,         // a result leaves
    output wire             m_valid,       // output beat offered
    input  wire             m_ready,       // output beat accepted
    output wire [WIDTH-1:0] m_data         // output beat
);

  wire unused_any_next;

  assign freed = m_valid && m_ready;

  token_count #(.COUNT(PLACES), .START(0)) u_held (
      .clk(clk), .rst(rst), .add(s_valid), .take(freed), .any(m_valid), .any_next(unused_any_next)
  );

  generate
    if (PLACES == 1) begin : g_one
      reg [WIDTH-1:0] data_q;

      assign m_data = data_q;

      always @(posedge clk) if (s_valid) data_q <= s_data;
    end else begin : g_ring
      localparam A_BITS = $clog2(PLACES);

      reg  [ WIDTH-1:0] memory[0:PLACES-1];
      reg  [A_BITS-1:0] write_address_q;
      reg  [A_BITS-1:0] read_address_q;
      wire [A_BITS-1:0] write_address_d;
      wire [A_BITS-1:0] read_address_d;

      assign m_data = memory[read_address_q];

      ring_step #(.DEPTH(PLACES), .STEP(1)) u_write_step (.from(write_address_q), .to(write_address_d));
      ring_step #(.DEPTH(PLACES), .STEP(1)) u_read_step (.from(read_address_q), .to(read_address_d));

      always @(posedge clk) begin
        if (s_valid) memory[write_address_q] <= s_data;
        if (s_valid) write_address_q <= write_address_d;
        if (freed) read_address_q <= read_address_d;
        if (rst) begin
          write_address_q <= {A_BITS{1'b0}};
          read_address_q  <= {A_BITS{1'b0}};
        end
      end
    end
  endgenerate

endmodule

`default_nettype wire
