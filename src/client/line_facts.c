/* Apart from line.c, since the kernel's header of TCP_INFO excludes that of the C library. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "client/line.h"

bool si_line_read(int fd, si_line_facts *facts) {
    struct tcp_info info;
    socklen_t len = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
        len < offsetof(struct tcp_info, tcpi_busy_time) + sizeof info.tcpi_busy_time) {
        return false;
    }
    *facts = (si_line_facts){
        .acked = info.tcpi_bytes_acked,
        .busy = info.tcpi_busy_time,
        .rate = info.tcpi_delivery_rate,
        .app_limited = info.tcpi_delivery_rate_app_limited,
        .pacing_rate = info.tcpi_pacing_rate,
        .window = info.tcpi_snd_cwnd,
        .threshold = info.tcpi_snd_ssthresh,
        .rtt = info.tcpi_rtt,
        .rtt_var = info.tcpi_rttvar,
        .min_rtt = info.tcpi_min_rtt != UINT32_MAX ? info.tcpi_min_rtt : 0,
        .segments = info.tcpi_data_segs_out,
        .resent = info.tcpi_total_retrans,
    };
    return true;
}
