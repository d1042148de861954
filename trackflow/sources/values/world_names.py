"""Names of columns in languages and scripts of markets that have trackers of their own.

Names are written without the blanks that stand between their words.
"""

from trackflow.sources.values.roles import Role

NAMES_OF_THE_WORLD: dict[Role, str] = {
    Role.TIME: (
        "времясообщения времяgps времяутс времяизмерения отметкавремени датавремягпс "
        "временнаяметка моментвремени датаичасы датаичас датаічас датумивреме датумивријеме "
        "часовамітка χρονος ημερομηνιακιωρα ωραημερομηνια χρονοσημανση 定位时间 gps时间 采集时间 "
        "测量时间 记录时间 数据时间 位置时间 轨迹时间 设备时间 上报时间 发生时间 定位時間 "
        "gps時間 紀錄時間 記錄時間 資料時間 設備時間 回報時間 測位日時 測位時刻 計測日時 "
        "取得日時 記録日時 位置日時 発生日時 撮影日時 日付時刻 年月日時分秒 측정시간 측정일시 "
        "수집시간 수집일시 기록시간 기록일시 위치시간 gps시간 발생일시 운행일시 타임스탬프 الزمن "
        "وقتالتسجيل تاريخووقت زمان تاریخوزمان تاریخوساعت זמן חותמתזמן זמןgps zaman tarihsaat "
        "tarihvesaat tarihzaman zamanbilgisi kayittarihi kayitzamani konumzamani dataigodzina "
        "datumesido datairlaikas datumsunlaiks kuupaevjakellaaeg laikas laiks aeg thoigian "
        "ngaygio tanggalwaktu วันที่และเวลา วันเวลา เวลา"
    ),
    Role.DATE: ("年月日 測位日 날짜일자 일자 تاریخ kuupaev datums ngay วันที่ датум"),
    Role.CLOCK: ("время часы ώρα 时分秒 時分秒 ساعت الساعة kellaaeg laiks gio เวลา jam време"),
    Role.LAT: (
        "географическаяширота севернаяширота шир сш геоширота географічнаширота північнаширота "
        "географскаширина γεωγρπλατος 北纬 北緯 gps纬度 십진위도 العرض عرضجغرافیایی רוחב "
        "קורוחבגיאוגרפי vido platuma platums"
    ),
    Role.LON: (
        "географическаядолгота восточнаядолгота долг вд геодолгота географічнадовгота "
        "східнадовгота географскадължина географскадужина γεωγρμηκος 东经 東經 東経 gps经度 "
        "십진경도 الطول طولجغرافیایی אורך קואורךגיאוגרפי kinhdo ilguma garums"
    ),
    Role.POSITION: (
        "координата координатыgps координати местоположениеgps συντεταγμενες 位置座標 좌표 "
        "الإحداثيات إحداثيات מיקום נקודתציון koordinat koordinatlar toado koordinatas พิกัด"
    ),
    Role.DEVICE: (
        "объект названиеобъекта имяобъекта idобъекта номеробъекта имяустройства "
        "названиеустройства idустройства номерустройства терминал номертерминала трекер "
        "idтрекера номертрекера машина авто тс транспортноесредство номертс госномер госномертс "
        "государственныйномер госномерзнак регистрационныйномер номермашины номеравто "
        "бортовойномер водитель пристріи обєкт назваобєкта транспортнийзасіб тз держномер "
        "державнийномер реєстраційнийномер автомобіль номеравтомобіля водіи обект "
        "превозносредство регномер уређаj уређај возило συσκευη οχημα αριθμοςκυκλοφοριας "
        "αρκυκλοφοριας πινακιδα οδηγος 设备名称 设备名 设备号 设备编号 设备imei 终端 终端号 "
        "终端id 终端编号 终端名称 定位器 车辆 车辆名称 车辆编号 车辆id 车牌 车牌号 车牌号码 车号 "
        "司机 驾驶员 裝置 裝置名稱 裝置id 設備 設備名稱 設備編號 設備id 車輛 車輛名稱 車牌 "
        "車牌號 車牌號碼 車號 駕駛 端末id 端末名 端末番号 デバイス デバイスid デバイス名 機器 "
        "機器名 機器id 車両 車両id 車両名 車両番号 車番 登録番号 車載器 車載器id 乗務員 運転者 "
        "기기 기기명 기기id 단말 단말기 단말id 단말기id 단말번호 단말기번호 장치 장치명 장치id "
        "디바이스 차량 차량명 차량id 차량번호 차번호 운전자 الجهاز جهاز اسمالجهاز رقمالجهاز "
        "معرفالجهاز المركبة مركبة اسمالمركبة رقمالمركبة السيارة سيارة رقمالسيارة رقماللوحة "
        "السائق دستگاه نامدستگاه خودرو پلاک راننده מכשיר שםמכשיר מזההמכשיר מספרמכשיר רכב שםרכב "
        "מספררכב לוחיתרישוי נהג cihaz cihazadi cihazid cihazno plaka plakano aracplaka "
        "aracplakasi aracadi aracno aracid surucu surucuadi uredaj uredjaj vozilo "
        "registarskaoznaka registracija rendszam dispozitiv vehicul nrinmatriculare "
        "numarinmatriculare numerrejestracyjny nrrejestracyjny kierowca spz irenginys ierice "
        "seade soiduk bienso biensoxe thietbi phuongtien perangkat kendaraan nopol อุปกรณ์ "
        "ทะเบียน ทะเบียนรถ"
    ),
    Role.ALTITUDE: (
        "высотанадуровнемморя высотанадморем абсолютнаявысота высотанум надморскависочина "
        "висотанадрівнемморя υψος 高度海拔 海拔高度 海拔高 標高高度 해발고도 해발 ارتفاع "
        "الإرتفاع גובה irtifa yuksekligi augstums korgus aukstis docao ความสูง"
    ),
    Role.ACCURACY: (
        "погрешность точност دقت точностьgps точність похибка ακριβεια 定位精度 位置精度 "
        "水平精度 測位精度 誤差半径 정확도 정밀도 الدقة دقة דיוק hassasiyet tapsus precizitate "
        "dochinhxac akurasi"
    ),
    Role.SPEED: (
        "скоростьgps швидкістьgps скорост 时速 時速 车速 車速 対地速度 gps速度 移動速度 시속 "
        "이동속도 سرعت سرعة greitis atrums vantoc tocdo ความเร็ว"
    ),
    Role.COURSE: (
        "направление направлениедвижения азимут напрямок посока κατευθυνση πορεια αζιμουθιο "
        "方位角 航向角 行驶方向 方向角 行駛方向 進行方向 進行方位 移動方向 방향 방위각 진행방향 "
        "방위 الاتجاه الإتجاه اتجاه جهت כיוון אזימוט yonu istikamet smjer smer directie kryptis "
        "virziens suund huong arah ทิศทาง"
    ),
}
"""Less usual than those of `vocabulary`, and after them where both are there."""

TIMES_OF_SERVERS = (
    "servertime receivedat времяприема времясервера 接收时间 服务器时间 入库时间 创建时间 "
    "接收時間 受信日時 送信日時 登録日時 수신시간 수신일시 서버시간 등록일시 وقتالاستلام "
    "sunucuzamani"
)
"""When a server received or kept what came: of all times the last choice."""
