"""The smallest schedule files the import takes, as the document of the API shows them."""

from typing import Final

XML: Final = """<?xml version="1.0" encoding="utf-8"?>
<schedule>
  <version>1.0</version>
  <conference>
    <acronym>rencontres</acronym>
    <title>Les Rencontres</title>
    <start>2026-06-10</start>
    <end>2026-06-10</end>
    <time_zone_name>Europe/Paris</time_zone_name>
  </conference>
  <day index="1" date="2026-06-10" start="2026-06-10T08:00:00+02:00" end="2026-06-11T04:00:00+02:00">
    <room name="Main hall">
      <event guid="0b5c1f0e-6a0a-4c6e-9d55-3a1f6f1f0001" id="101">
        <date>2026-06-10T09:00:00+02:00</date>
        <start>09:00</start>
        <duration>00:30</duration>
        <title>Opening keynote</title>
      </event>
    </room>
  </day>
</schedule>
"""
JSON: Final = """{"schedule": {"version": "1.0", "conference": {
  "acronym": "rencontres", "title": "Les Rencontres", "start": "2026-06-10", "end": "2026-06-10", "daysCount": 1,
  "time_zone_name": "Europe/Paris",
  "days": [{"index": 1, "date": "2026-06-10", "day_start": "2026-06-10T08:00:00+02:00", "day_end": "2026-06-11T04:00:00+02:00",
    "rooms": {"Main hall": [{"guid": "0b5c1f0e-6a0a-4c6e-9d55-3a1f6f1f0001", "id": 101,
      "date": "2026-06-10T09:00:00+02:00", "start": "09:00", "duration": "00:30", "title": "Opening keynote"}]}}]}}}
"""
SCHEDULES: Final = {"application/json": JSON, "application/xml": XML, "text/xml": XML}
