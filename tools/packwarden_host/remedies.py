"""What an element says to whoever stands before the cabinet: what it means, and what to do.

`packwarden explain`, and the table of the installer's guide. One entry per element; `LEVELS` holds
those of its levels that mean something of their own. Figures without a source named are
engineering judgement.
"""

import json
import textwrap

from packwarden import elements
from packwarden_host import output, views
from packwarden_host.errors import BadInput

# By slug: what has happened, and what to do about it, the next step first.
ELEMENTS = {
    "terminal_overtemperature": (
        "a terminal is hot, whatever the others are",
        "Reduce the load. Compare it with its neighbours: one hot terminal is a joint, a row of"
        " them is the load or the air. With the battery's breaker open and the lug cold: undo it,"
        " clean it, tighten it to the torque of the pack's maker.",
    ),
    "terminal_rise": (
        "a terminal is warmer than its siblings and than the other pole of its battery: its joint"
        " has too much resistance",
        "A warning: at the next visit. An alarm: today. Open that battery's breaker, let it cool,"
        " undo the joint, look for heat marks and a loose strand, clean, tighten to torque.",
    ),
    "terminal_rate": (
        "a terminal heats fast while the others stand still: a joint is working loose now",
        "At once: take the load away, open that battery's breaker, then look at the joint as for"
        " terminal_rise.",
    ),
    "overcurrent_inverse": (
        "a battery carries more than its rating, for longer than its curve allows",
        "Take load away. If it is one battery, find out why the others carry less: `bank` at the"
        " console shows the shares. If it is all, the bank is too small for the load.",
    ),
    "overcurrent_instantaneous": (
        "a short circuit, or a start far above the rating",
        "Do not close anything. Find the short: with battery N tripped in that battery and its"
        " cables, with the main tripped behind the main breaker. Look at the capture of the trip.",
    ),
    "bank_overcurrent": (
        "the bank as a whole gives, or takes, more than it is rated for",
        "Take load away, or lower the inverter's and charger's limit of current.",
    ),
    "current_imbalance": (
        "a battery carries far more or far less than its part",
        "More: the others have a bad joint, a weak cell or an unfavourable place. Less: it has."
        " Check joints and cables of the battery that is named, that all links have the same"
        " length and section, and that + and - are taken from opposite ends of the busbar.",
    ),
    "reverse_current": (
        "a battery takes current that the others give: it is fed by its siblings",
        "After a trip leave it open: measure its voltage at rest, ask its BMS, look for a cell"
        " that is failing. Without a load it equalises, after packs were joined at different"
        " voltages: see voltage_mismatch.",
    ),
    "idle_string": (
        "a battery that is switched on carries nothing while the others do",
        "Its BMS has probably opened: ask it. Then its fuse, its breaker, its cable.",
    ),
    "undervoltage": (
        "a battery is nearly empty",
        "Stop discharging, charge soon. One alone: compare its voltage with its siblings at rest.",
    ),
    "overvoltage": (
        "a battery is charged too far",
        "Stop charging; lower the charger's voltage. One alone: compare it with its siblings.",
    ),
    "charge_temperature": (
        "a battery is charged in the cold, which destroys cells for good",
        "Let it warm up, or heat the room. Charging is allowed again by itself.",
    ),
    "voltage_mismatch": (
        "a battery's voltage is too far from the busbar's to be joined",
        "Do not close its breaker. Charge or discharge it alone until it is within 50 mV; `permit`"
        " at the console says what is missing.",
    ),
    "bms_alarm": (
        "the battery's own BMS reports an alarm",
        "Ask the BMS, with its own display or app. A contact that opens on alarm says the same"
        " when its wire is cut.",
    ),
    "external_trip": (
        "smoke, gas, or a hand on the emergency stop; or its loop is cut",
        "See to the people and the fire first. Reset the device that asked for it, then `reset"
        " main`, then close the main by hand.",
    ),
    "ambient_high": (
        "the cabinet is hot",
        "Look at fan, filters, the 10 cm around each pack, the sun. Charge less until it is"
        " cooler.",
    ),
    "sensor_fault": (
        "a value is missing: a chip does not answer, or a lead is cut or shorted",
        "`degraded` at the console says which sensor, and which element is blind there. Check its"
        " lead, its fuse and its plug. It clears by itself after three good readings.",
    ),
    "breaker_failure": (
        "a breaker was told to open and current still flows, or its contact says closed",
        "Do not trust that breaker. Open it by hand. If it does not open, stop the inverter and"
        " open the other breakers; once no current flows, take out its fuse. Replace it, and test"
        " the new one with its own trip.",
    ),
    "breaker_discrepancy": (
        "a breaker's contacts contradict each other, or its current",
        "Check the wires of 52a and 52b, then the contact itself.",
    ),
    "output_fault": (
        "an output is not where it was commanded: a relay or its driver has failed",
        "Trips may not reach their breaker. Open that battery's breaker by hand, replace the relay"
        " or the board, test the trip.",
    ),
    "trip_circuit": (
        "a trip coil, its lead or its supply is open: that breaker would not trip",
        "Check coil, lead and fuse of the trip circuit. Until then somebody has to be there.",
    ),
    "control_supply": (
        "the supply of the trip coils sags",
        "Check the 24 V converter, its buffer and its fuse. Without it nothing trips.",
    ),
    "cascade": (
        "after a battery has left, the rest would be overloaded",
        "Take load away until it is back. After a trip of the main: first why the battery left.",
    ),
    "controller_fault": (
        "the controller works with less than it should: contacts unreadable, late ticks, a restart"
        " by a fault, a damaged store",
        "`status` and `why` at the console name it. Restarted by a fault: note it, `acknowledge`,"
        " and tell the project what `events` says.",
    ),
    "lockout": (
        "a breaker has tripped and stays locked out, over restarts too",
        "Find the cause with `why` and `events`; when it is gone, `reset N`, then close the"
        " breaker by hand.",
    ),
    "joint_heating": (
        "a joint has more resistance than when it was commissioned; it is still cool",
        "A warning: at the next visit. An alarm: this week, and less load until then. Open that"
        " battery's breaker, tighten the terminal that is named to the torque of the pack's maker,"
        " clean it if it is dark. `joints` at the console shows all; then `baseline store`.",
    ),
    "link_resistance": (
        "between a battery and the busbar there is more resistance than at commissioning",
        "It is not the battery: look at its cable, lugs, fuse and breaker. `resistances` at the"
        " console shows by how much; after the repair `baseline store`.",
    ),
    "resistance_mismatch": (
        "a battery's internal resistance is too far from its siblings'",
        "Higher: it ages, or it is cold; ask its maker. Lower: it is not of their kind. Replace it"
        " before it takes the others' life.",
    ),
}

# By slug and level's key, where one level means something else than its element.
LEVELS = {
    ("current_imbalance", "slow_warn"): (
        "a battery's part of the load has drifted off its baseline over hours",
        "Compare `resistances` and `joints`: a link, a joint, or the battery itself. If all is"
        " sound, `baseline store`.",
    ),
    ("ambient_high", "fan"): ("the cabinet is warm: the fan runs", "Nothing."),
    ("sensor_fault", "ambient"): (
        "the ambient thermistor is lost, so the fan runs",
        "Check its lead; rises count from the siblings alone meanwhile.",
    ),
    ("sensor_fault", "reference"): (
        "the reference resistor is lost, so no temperature can be trusted",
        "Nobody watches the terminals now. Check the resistor and its multiplexer or converter.",
    ),
    ("sensor_fault", "kirchhoff"): (
        "the main shunt differs from the sum of the batteries",
        "A shunt or a monitor reads wrong: compare each battery with a clamp meter.",
    ),
    ("sensor_fault", "trip"): (
        "a thermistor died while its terminal was hot: taken for a burning joint",
        "As terminal_overtemperature, then replace the probe.",
    ),
    ("overcurrent_instantaneous", "chip_limit"): (
        "a monitor's own limit stands: its latch opens the main without the firmware",
        "As after a short circuit; then reset the latch behind ALERT.",
    ),
    ("breaker_discrepancy", "crossed"): (
        "another breaker opened than the one that was told: wires are crossed",
        "Put the trip wires and contacts right, then test every breaker with its own trip.",
    ),
}

HEADS = ("element", "C37.2", "it does", "it means", "what to do")


def rows(slug: str | None = None) -> list[tuple[str, ...]]:
    """Rows under HEADS: one per element, and per level with a meaning of its own.

    `slug`: those of this element alone; BadInput, with the names that there are, for no element.
    """
    if slug is not None and elements.find(slug) < 0:
        known = ", ".join(element.slug for element in elements.TABLE)
        raise BadInput(f"{slug!r} is no element; there are {known}")
    shipped = [row for row in views.element_rows() if slug in (None, row["slug"])]
    found = []
    for element in dict.fromkeys((row["slug"], row["device"] or "") for row in shipped):
        own = [row for row in shipped if row["slug"] == element[0]]
        common = [row for row in own if (row["slug"], row["key"]) not in LEVELS]
        found.append((*element, _does(common), *ELEMENTS[element[0]]))
        for row in own:
            if (row["slug"], row["key"]) in LEVELS:
                name = f"{row['slug']} {row['key']}"
                found.append((name, element[1], _does([row]), *LEVELS[row["slug"], row["key"]]))
    return found


def _does(levels: list[dict]) -> str:
    """What levels do as shipped, each once: "warn, alarm, trip_battery", or "off"."""
    said = []
    for row in levels:
        if row["off"] or not row["key"]:
            continue
        action = row["level"] if row["action"] == "none" else row["action"]
        if action not in said:
            said.append(action)
    return ", ".join(said) or ("locks out" if not levels[0]["key"] else "off")


def show(slug: str | None, as_json: bool, as_markdown: bool) -> None:
    """Print what elements mean, all or the one named; see `rows`."""
    found = rows(slug)
    if as_json:
        keys = ("element", "device", "does", "means", "todo")
        print(json.dumps([dict(zip(keys, row, strict=True)) for row in found], indent=1))
    elif as_markdown:
        print(output.markdown_table(HEADS, found))
    else:
        for name, device, does, means, todo in found:
            output.line(_filled(f"{name}{f' ({device})' if device else ''}: {means}", ""), "bold")
            output.line(f"  it does: {does}")
            output.line(_filled(todo, "  "))


def _filled(text: str, indent: str) -> str:
    return textwrap.fill(text, 80, initial_indent=indent, subsequent_indent="  ")
