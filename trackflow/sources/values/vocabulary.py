"""The names that columns and members have: what loggers, fleets and exports of the world write.

Names are compared without case, accents, spaces and punctuation, and without units: "Speed (km/h)"
is `speed`. Detection and all readers use this one vocabulary.
"""

import re
import unicodedata
from functools import lru_cache

from trackflow.sources.values.device_words import (
    DEVICES,
    DRIVERS,
    IDS,
    NAMES,
    PEOPLE,
    THINGS,
    numbered,
)
from trackflow.sources.values.roles import Role
from trackflow.sources.values.world_names import NAMES_OF_THE_WORLD, TIMES_OF_SERVERS

__all__ = ["COUNTS", "PREFIXES", "RANKED", "SUFFIXES", "Role", "core_data_name", "plain"]

_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "\u0131": "i", "\xba": ""}
)
"""Letters that are no letter with an accent to Unicode."""


def plain(name: str) -> str:
    """A name without case, accents, spaces and punctuation."""
    return _kept(name) if len(name) <= _KEPT_CHARS else _plain(name)


def _plain(name: str) -> str:
    if not name.isascii():
        marked = unicodedata.normalize("NFKD", name.lower().translate(_LETTERS))
        name = "".join(c for c in marked if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", "", name.lower())


def core_data_name(name: str) -> str:
    """What an attribute is called for which Core Data has a column, such as ZLATITUDE; else ""."""
    if not _CORE_DATA.fullmatch(name):
        return ""
    simple = plain(name)
    is_word = any(simple in ranked for ranked in RANKED.values())  # as is ZEITSTEMPEL
    return "" if is_word else _TIMES_OF_CORE_DATA.get(simple[1:], simple[1:])


_CORE_DATA = re.compile("Z[A-Z][A-Z0-9]{2,60}")
_TIMES_OF_CORE_DATA = {"date": "timestamp", "startdate": "starttime", "entrydate": "starttime"}

_KEPT_CHARS = 120
_kept = lru_cache(maxsize=4096)(_plain)
"""Readers ask for the names of one header again and again, for each role and separator."""


# Earlier names win: a file with `recorded_at` and `received_at` means the first.
_NAMES: dict[Role, str] = {
    Role.TIME: (
        "recordedat gpsasof timestampexternal timestamp timestamputc utctimestamp timeutc utctime "
        "datetime datetimeutc utcdatetime gpstime gpstimestamp gpsdatetime fixtime devicetime time "
        "isotime "
        "utc tst timestampms timestamps timestampus timestampns timestampmillis timems times "
        "timestampepoch epoch epochs epochms epochus epochns epochseconds epochtime "
        "unixtime unixtimestamp "
        "eventtime eventtimestamp locationtime "
        "locationtimestamp localtime localdatetime positiontime measuredat measurementtime "
        "timeobservedat observationdatetime observationtime eventdate observationdate observedon "
        "observedat capturedat loggedat fixtimestamp sampletime when starttime startedat "
        "lastchanged lastupdated lastupdate update start begin arrivaltime arrivedat reportedat "
        "averagingstart sentat basedatetime dateandtime datetimelocal datetimeoriginal "
        "gpsdatestamp occurredat "
        "timeiso timestampiso recordedattime createdat updatedat updatetime updateutc "
        "zeitstempel zeitpunkt datumzeit datumuhrzeit datumunduhrzeit datumundzeit zeit "
        "horodatage horodate dateheure dateetheure datetheure heureutc temps "
        "fechahora fechayhora fechahorautc marcadetiempo marcatemporal tiempo horautc "
        "aikaleima pvmaika paivamaarajaaika paivamaaraaika pvmjaaika aika mittausaika "
        "dataora dataeora marcatemporale datahora datahorautc orario "
        "datumtijd datumentijd tijdstip tijdstempel tidsstampel tidpunkt datumtid datotid "
        "tidspunkt ts t "
        "dataczas dataiczas czasutc znacznikczasu datumacas casovaznamka datumsacas idopont "
        "datumido idobelyeg datahoralocal momento zamandamgasi датаивремя датавремя "
        "时间 時間 日期时间 日期時間 时间戳 時間戳 日時 タイムスタンプ 시간"
        " lastreported locatedat enqueuedtime lastseen lastseenat lastfixtime lastlocationtime"
        " التاريخوالوقت الوقتوالتاريخ الطابعالزمني ημερομηνιακαιωρα ημερομηνιαωρα χρονοσφραγιδα "
        "дататачас датайчас датаичас datasiora datumivrijeme datumivreme waktu 일시 날짜시간 "
        "תאריךושעה"
    ),
    Role.DATE: (
        "date utcdate gpsdate dateutc day localdate recordeddate fixdate startdate "
        "datum fecha paivamaara pvm paiva data dato jour giorno dia tag dateoffix "
        "dzien tarih дата 日期 日付"
        " 날짜 التاريخ تاريخ ημερομηνια תאריך tanggal"
    ),
    Role.CLOCK: (
        "time utctime gpstime timeutc localtime clock timeofday hour recordedtime fixtime "
        "uhrzeit zeit heure hora ora orario kello kellonaika klo aika tijd tid klokslag klockslag "
        "klokkeslett tijdstip heurelocale horalocal oralocale starttime timeoffix "
        "czas godzina cas ido ora saat время 时刻 時刻 時間"
        " 시간 시각 الوقت ωρα час שעה vrijeme vreme"
    ),
    Role.YEAR: (
        "year yr yyyy yy jahr annee ano anio anno vuosi jaar ar rok yil год 年"
    ),
    Role.MONTH: (
        "month mon mo mth mm monat mois mes mese kuukausi maand manad maned miesiac mesic ay "
        " месяц 月"
    ),
    Role.DAY: (
        "day dy dd dayofmonth tag jour dia giorno paiva dag dzien den gun день"
    ),
    Role.HOUR: (
        "hour hours hr hrs hh h stunde heure hora ora tunti uur timme godzina hodina saat час"
    ),
    Role.MINUTE: (
        "minute minutes minutos min mins mn mi nn mm minuten minuto minuut minuutti minut dakika "
        "минута"
    ),
    Role.SECOND: (
        "second seconds secs sec ss s sekunde sekunden seconde secondes segundo segundos secondo "
        "secondi sekunti sekund saniye секунда"
    ),
    Role.MILLISECOND: "millisecond milliseconds millis millisec msec ms",
    Role.HALF: "ampm meridiem ampmindicator",
    Role.ZONE: (
        "timezone tz utcoffset gmtoffset timezoneoffset tzoffset zone timezoneid tzid tzname "
        "starttimeutcoffset "
        "timezonename offset utcoffsetminutes utcoffsetseconds utcoffsethours offsetfromutc "
        "timezoneoffsetminutes tzoffsetminutes offsetminutes "
        "zeitzone fuseauhoraire fuseau zonahoraria fusoorario fuso aikavyohyke tijdzone tidszon "
        "tidssone tidszone localoffset"
    ),
    Role.LAT: (
        "latitude lat latn latituden posy "
        "positionlat positionlatitude locationlat locationlatitude gpslat "
        "gpslatitude decimallatitude geolat latitudens latns latitud latitudine breitengrad breite "
        "geobreite geographischebreite geografischebreite leveysaste leveyspiiri leveys "
        "leveyskoordinaatti breedtegraad breedte geografischebreedte breddgrad bredd breddegrad "
        "latti latdec ycoord ycoordinate coordy pointy latwgs wgs84lat y "
        "szerokoscgeograficzna szerokosc szergeogr zemepisnasirka szelesseg "
        "foldrajziszelesseg laiuskraad enlem широта 纬度 緯度 위도"
        " خطالعرض دائرةالعرض γεωγραφικοπλατος πλατος широчина קורוחב lintang sirina "
        "geografskasirina zemljepisnasirina ละติจูด"
    ),
    Role.LON: (
        "longitude lon lng long lone longe longitudee posx "
        "positionlong positionlon positionlongitude locationlong "
        "locationlon locationlng locationlongitude gpslon gpslng gpslong gpslongitude "
        "decimallongitude geolon geolng geolong longitudeew lonew longew longitud longitudine "
        "langengrad laengengrad lange laenge geolange geographischelange geographischelaenge "
        "geografischelange pituusaste pituuspiiri pituus pituuskoordinaatti lengtegraad lengte "
        "geografischelengte longitudgrad langd lengdegrad laengdegrad londec xcoord xcoordinate "
        "coordx pointx wgs84lon x "
        "dlugoscgeograficzna dlugosc dlgeogr zemepisnadelka zemepisnadlzka "
        "hosszusag "
        "foldrajzihosszusag pikkuskraad boylam долгота 经度 經度 経度 경도"
        " خطالطول γεωγραφικομηκος μηκος довгота дължина קואורך bujur duzina geografskaduzina "
        "zemljepisnadolzina ลองจิจูด longtitude"
    ),
    Role.NORTH_SOUTH: (
        "ns northsouth latref latituderef latitudehemisphere lathemisphere nshemisphere latdir "
        "latdirection nsindicator gpslatituderef"
    ),
    Role.EAST_WEST: (
        "ew eastwest lonref longituderef longitudehemisphere lonhemisphere ewhemisphere londir "
        "londirection ewindicator gpslongituderef"
    ),
    Role.POSITION: (
        "position latlon latlng latlong latitudelongitude coordinates coordinate coords coord "
        "gpscoordinates gpscoordinate gpsposition gpslocation latlonposition loc geolocation "
        "geoposition location gps geo geopoint geouri geom geometry wkt point koordinaten "
        "koordinate gpskoordinaten gpsposition standort ort coordonnees coordonneesgps "
        "coordonneegps emplacement coordenadas coordenadasgps ubicacion posicion koordinaatit "
        "gpskoordinaatit sijainti paikka coordinate coordinategps posizione coordinaten locatie "
        "positie koordinater posisjon координаты местоположение wspolrzedne "
        "wspolrzednegps souradnice suradnice koordinatak konum pozycja polozenie 坐标 座標 "
        "latandlon latitudeandlongitude latlongposition"
        " stastext astext thegeom wktgeom geog geography"
    ),
    Role.LON_LAT: "lonlat lnglat longlat longitudelatitude lonlatposition xy",
    Role.VALID: (
        "valid isvalid gpsvalid positionvalid locationvalid fixvalid validfix validity visible "
        "validgpsfix gpsfixvalid fix gpsfix fixquality gpsfixquality hasfix hasgpsfix gpshasfix"
    ),
    Role.DEVICE: DEVICES,
    Role.ROW_ID: IDS,
    Role.GROUP: "",
    Role.NAME: NAMES,
    Role.ALTITUDE: (
        "altitude alt ele elev elevation height enhancedaltitude altitudegps gpsaltitude gpsalt "
        "altitudewgs84 z hohe hoehe meereshohe hoheuber hoheunn hoheunhn "
        "hoheubernn altura elevacion altitud altitudine quota "
        "korkeus merenpinnasta hoogte hojd hoyde altitudemsl heightmsl "
        "posz altitudeabovesealevel hmsl "
        "heightaboveellipsoid heightabovemsl heightabovesealevel altitudeasl elevationm wysokosc "
        "vyska nadmorskavyska magassag yukseklik rakim высота 海拔 高度 標高 高程"
        " الارتفاع υψομετρο 고도 висота nadmorskavisina altitudinea ketinggian"
    ),
    Role.ACCURACY: (
        "accuracy horizontalaccuracy haccuracy hacc acc gpsaccuracy positionaccuracy "
        "locationaccuracy precision eph uncertainty accuracyradius horizontalprecision "
        "horizontaluncertainty radius genauigkeit prazision exactitude exactitud tarkkuus "
        "positionalaccuracy coordinateuncertainty coordinateuncertaintyin "
        "precisione accuratezza nauwkeurigheid noggrannhet noyaktighet precisiongps "
        "ehpe accuracyhorizontal accuracyh acch estimatedaccuracy precisao dokladnosc presnost "
        "pontossag dogruluk точность 精度"
    ),
    Role.HDOP: "hdop gpshdop horizontaldop horizontaldilutionofprecision",
    Role.SPEED: (
        "speed velocity vel velocitysmooth gspeed "
        "gpsspeed groundspeed enhancedspeed sog speedoverground spd "
        "currentspeed vehiclespeed 2dspeed speed2d "
        "geschwindigkeit tempo vitesse velocidad nopeus ajonopeus velocita snelheid hastighet fart "
        "hastighed velocidade predkosc rychlost sebesseg kiirus hiz скорость 速度 速さ"
        " hspeed horizontalspeed السرعة ταχυτητα швидкість брзина brzina hitrost 속도 viteza "
        "kecepatan מהירות"
    ),
    Role.COURSE: (
        "course bearing cog courseoverground heading azimuth direction angle gpsbearing gpsheading "
        "gpscourse bear trueheading track head truecourse trackangle "
        "kurs richtung fahrtrichtung cap direction rumbo direccion suunta kulkusuunta rotta "
        "direzione koers richting riktning kompassi "
        "hdg direcao rumo kierunek smer irany yon курс 方向 航向 方位"
    ),
    Role.SPEED_UNIT: (
        "speedunit speedunits unitofspeed unitspeed speeduom velocityunit velocityunits "
        "positionspeedunit locationspeedunit gpsspeedunit "
        "geschwindigkeitseinheit unitevitesse unidadvelocidad unidaddevelocidad"
    ),
}  # fmt: skip


def _all_names(role: Role) -> list[str]:
    names = f"{_NAMES[role]} {NAMES_OF_THE_WORLD.get(role, '')}".split()
    if role is Role.TIME:
        names += TIMES_OF_SERVERS.split()
    if role is Role.DEVICE:
        names += [*numbered(THINGS), *DRIVERS.split(), *numbered(f"{DRIVERS} {PEOPLE}")]
    return names


RANKED: dict[Role, dict[str, int]] = {
    role: {plain(name): rank for rank, name in reversed(list(enumerate(_all_names(role))))}
    for role in _NAMES
}
"""The rank of each name of a role: a lower one wins."""

COUNTS = {
    "epoch", "epochs", "epochms", "epochtime", "epochseconds", "unixtime", "unixtimestamp", "unix",
    "timestampepoch", "timestampunix", "timestampms", "timestampmillis", "timems",
}  # fmt: skip
"""Names of times that count since 1970, whatever clock stands beside them."""

PREFIXES = (
    "gps", "geo", "position", "pos", "location", "loc", "coords", "coordinates", "coordinate",
    "point", "vehicle", "device", "current", "last", "raw", "wgs84", "fix", "attributes", "data",
    "properties", "tracker", "geometry", "latlng", "nmea", "gnss", "startlocation", "phone", "my",
    "state", "record", "osd", "custom", "values", "payload", "decodedpayload",
    "uplinkmessagedecodedpayload", "enddeviceids", "object", "deviceinfo", "venue", "value",
    "direct", "trkpt", "context", "fields", "computed",
    "monitoredvehiclejourney", "vehiclelocation",
)  # fmt: skip
"""What may stand before a name without another meaning: "GPS Latitude", `coords.latitude`."""

SUFFIXES = (
    "wgs84", "utc", "gps", "value", "gmt", "decimal", "coord", "coordinate", "iso", "iso8601",
    "epoch", "unix", "since1970", "since1970s", "ms", "s", "us", "ns", "seconds", "millis",
    "milliseconds", "local",
)  # fmt: skip
"""What may stand behind one."""
