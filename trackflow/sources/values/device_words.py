"""Words for what has a tracker: vehicles, animals and people, by their names and numbers.

A table whose column of them is not known as such would be all of one device.
"""

DEVICES = (
    "deviceid device deviceidentifier deviceuid deviceuuid uniqueid imei trackerid tracker "
    "vehicleid vehicle vehicleno vehiclenumber vehicleref busid taxiid unitid unit assetid "
    "asset devicename vehiclename trackername assetname userid user username mmsi "
    "individuallocalidentifier tagid tid person personid phone phoneid entityid licenseplate "
    "numberplate plate gerat geraet geratid geraeteid gerateid fahrzeug fahrzeugid "
    "kennzeichen appareil vehicule idvehicule immatriculation dispositivo iddispositivo "
    "vehiculo matricula laite laiteid laitetunnus laitteenid ajoneuvo rekisterinumero "
    "rekisteritunnus veicolo targa apparaat apparaatid toestel voertuig kenteken enhet fordon "
    "kjoretoy veiculo placa dispositivoid pojazd urzadzenie vozidlo zarizeni zariadenie jarmu "
    "eszkoz arac устроиство автомобиль 设备 设备id 端末 icao24 icao ident veh registration "
    "callsign "
    "carid carname truckid trucknumber busno busnumber busname bikeid scooterid boatid "
    "boatname vessel vesselid vesselname shipid shipname vin animalid collarid "
    "collarserialnumber deveui deviceserialnumber deviceserial deviceno devicenumber devicesn "
    "deviceimei imeino imeinumber licenceplate plateno platenumber "
    "registrationnumber registrationno regno fleetnumber fleetno phonenumber mobilenumber "
    "msisdn devaddr deviceadid medallion fahrzeugname fahrzeugnummer geratename geraetename "
    "amtlkennzeichen kfzkennzeichen amtlicheskennzeichen nummernschild wagennummer objektname "
    "nomduvehicule nomvehicule numerovehicule plaque plaquedimmatriculation immat nomappareil "
    "balise traceur patente placas nombredelvehiculo nombrevehiculo nombredispositivo "
    "rastreador nomedoveiculo nomeveicolo localizzatore voertuignaam laitteennimi "
    "registreringsnummer regnr nummerplade enhed koretoj nazwapojazdu rejestracja assettag "
    "deviceidimei unitno unitnumber unitserial"
)
"""Names of columns that are those of devices, in whatever table."""

IDS = (
    "object terminal machine equipment tail serial serialnumber serialno esn iccid caid maid "
    "idfa adid eui objekt kfz engin boitier participant competitor glider id"
)
"""Names of columns whose values are those of devices where they come back."""

NAMES = (
    "name label displayname firstname identifier uuid uid objectname bezeichnung nom nombre "
    "nimi trajectoryid trajid trackid tripid rideid key car truck bus bike scooter boat ship "
    "rider member animal collar hex unit node sender flight imo sn reg tag bird bib badge "
    "pilot email resource resourcename beacon logger container team einheit equipo dominio "
    "interno equipamento auto bil rz trailer tractor van cab taxi train loco sim subject "
    "agent runner pid wagen unidad movil mezzo objectid objectno nodeid nodename "
    "gpsid gpsname unitname beaconid flightid flightno flightnumber"
)
"""Names that may be those of devices: two of them at one moment have to show it."""

THINGS = (
    "vehicle asset terminal machine equipment trailer tractor van truck car "
    "bus taxi cab train loco wagon boat vessel ship aircraft glider bike scooter animal "
    "collar bird tag logger badge tail sail bib container tracker device"
)
"""What has a tracker, and with it a name and a number; some mean something else alone.

Objects and nodes of maps have ids, too: one for each row.
"""

DRIVERS = "driver fahrer chauffeur conducteur conductor motorista autista kuljettaja ridic sofor"
"""Who may be with several vehicles in turn: less than those name devices."""

PEOPLE = (
    "rider courier messenger member employee worker technician runner competitor participant "
    "subject respondent agent mitarbeiter"
)
"""Likewise, with an id or a name; alone, such a word may be a mark, as of members."""

_ENDINGS = (
    "id no nr number num name code label serial serialnumber serialno sn imei plate plateno "
    "reg regno registration registrationno registrationnumber identifier"
)


def numbered(nouns: str) -> list[str]:
    """How nouns are named and numbered: `unitid`, `unitno`, `unitname` and so on."""
    return [noun + ending for noun in nouns.split() for ending in _ENDINGS.split()]
