// SPDX-License-Identifier: MIT OR Apache-2.0
// The lowest index among the greatest of eight signed sums.
`default_nettype none
module tiny_argmax (
    input  wire         clk,        // the clock
    input  wire         rst,        // synchronous reset
    input  wire         in_valid,   // sums offered
    output wire         in_ready,   // sums taken
    input  wire [127:0] in_data,    // eight signed sums
    output reg          out_valid,  // index offered
    input  wire         out_ready,  // index taken
    output reg  [2:0]   out_data    // the index
);

    reg         busy_q;
    reg [127:0] sums_q;
    reg [15:0]  best_q;
    reg [2:0]   lane_q;

    assign in_ready = !busy_q && !out_valid;

    wire better = lane_q == 3'd0 || $signed(sums_q[15:0]) > $signed(best_q);

    always @(posedge clk) begin
        if (out_valid && out_ready)
            out_valid <= 1'b0;
        if (in_valid && in_ready) begin
            busy_q <= 1'b1;
            sums_q <= in_data;
            lane_q <= 3'd0;
        end
        if (busy_q) begin
            sums_q <= sums_q >> 16;
            lane_q <= lane_q + 3'd1;
            if (better) begin
                best_q   <= sums_q[15:0];
                out_data <= lane_q;
            end
            if (lane_q == 3'd7) begin
                busy_q    <= 1'b0;
                out_valid <= 1'b1;
            end
        end
        if (rst) begin
            busy_q    <= 1'b0;
            out_valid <= 1'b0;
        end
    end

endmodule
`default_nettype wire
