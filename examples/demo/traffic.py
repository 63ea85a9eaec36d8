"""Real clients in a container: each function runs one and returns (it worked, what was seen)."""
import json
import re
import signal
import subprocess
import time

from lab import patient


def _received(output):
    found = re.search(r"(\d+) packets transmitted, (\d+) received", output)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def _last_line(text):
    return (text.strip().splitlines() or ["no output"])[-1]


def first_ping(client, address):
    sent, received = _received(client.run("ping", "-n", "-c", "1", "-W", patient(1), address).stdout)
    return (sent, received) == (1, 1), f"{received} of {sent} answered"


def ping(client, address):
    done = client.run("ping", "-n", "-c", "5", "-i", "0.02", "-W", patient(1), address)
    sent, received = _received(done.stdout)
    middle = re.search(r"= [\d.]+/([\d.]+)/", done.stdout)
    return (sent, received) == (5, 5), f"{received} of {sent}, {middle.group(1) if middle else '-'} ms"


def no_ping(client, address):
    sent, received = _received(client.run("ping", "-n", "-c", "3", "-i", "0.05", "-W", max(0.3, patient(0.1)), address).stdout)
    return sent == 3 and received == 0, f"{received} of {sent} answered"


def start_pings(client, address):
    """Twenty a second, until cut_pings()."""
    return client.start("ping", "-n", "-i", "0.05", "-W", patient(0.3), address, stdout=subprocess.PIPE, text=True)


def cut_pings(pings):
    """Some were answered, and from one on none was."""
    time.sleep(0.5)  # those that are not answered
    pings.send_signal(signal.SIGINT)
    text, _ = pings.communicate(timeout=patient(10))
    answered = [int(number) for number in re.findall(r"icmp_seq=(\d+) ttl", text)]
    sent, received = _received(text)
    is_cut = 0 < received < sent and answered == list(range(1, received + 1))
    return is_cut, f"the first {received} of {sent} answered" if is_cut else f"{received} of {sent} answered"


def _url(address, path=""):
    return f"http://[{address}]/{path}" if ":" in address else f"http://{address}/{path}"


def fetch(client, address, wanted):
    done = client.run("curl", "-sS", "--max-time", patient(5), _url(address))
    return done.stdout.strip() == wanted, f'"{done.stdout.strip()}"' if done.returncode == 0 else _last_line(done.stderr)


def fetch_large(client, address):
    done = client.run("curl", "-sS", "--max-time", patient(10), "-o", "/dev/null", "-w", "%{size_download} %{speed_download}",
                      _url(address, "large"))
    if done.returncode:
        return False, _last_line(done.stderr)
    size, speed = done.stdout.split()
    return int(size) == 8 << 20, f"{size} bytes, {float(speed) * 8 / 1e9:.2f} Gbit/s"


def _iperf(client, address, *words):
    done = client.iperf(address, "--json", "--connect-timeout", int(patient(2000)), *words)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return None, _last_line(done.stderr)
    return (None, answer["error"]) if "error" in answer else (answer["end"], "")


def iperf_tcp(client, address, seconds=1):
    end, error = _iperf(client, address, "--time", seconds)
    if end is None:
        return False, error
    rate = end["sum_received"]["bits_per_second"]
    return rate > 0, f"{rate / 1e9:.2f} Gbit/s"


def _overflows(container):
    """Datagrams that arrived in the container but found their socket's buffer full."""
    rows = [row.split() for row in container.run("cat", "/proc/net/snmp").stdout.splitlines()]
    count = sum(int(value) for names, values in zip(rows[::2], rows[1::2]) for name, value in zip(names[1:], values[1:])
                if names[0] == "Udp:" and name == "RcvbufErrors")
    rows = [row.split() for row in container.run("cat", "/proc/net/snmp6").stdout.splitlines()]
    return count + sum(int(value) for name, value in rows if name == "Udp6RcvbufErrors")


def iperf_udp(client, server, address, seconds=1):
    """At most one in a hundred lost on the way. What a busy machine's server did not read in time was not lost on the way."""
    before = _overflows(server)
    end, error = _iperf(client, address, "--udp", "--bitrate", "20M", "--length", "1200", "--time", seconds)
    if end is None:
        return False, error
    total, lost, unread = end["sum"]["packets"], end["sum"]["lost_packets"], _overflows(server) - before
    note = f", {unread} unread in the server's full buffer" if unread else ""
    return total > 0 and (lost - unread) * 100 <= total, f"{total - lost} of {total} datagrams{note}"
