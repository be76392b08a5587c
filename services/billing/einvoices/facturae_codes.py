"""Facturae's own codes, and what EN 16931 calls the same: countries (ISO 3166), units (Rec 20), means of payment (UNTDID 4461)."""

from collections.abc import Mapping

_COUNTRIES = """
    ABWAW AFGAF AGOAO AIAAI ALBAL ANDAD AREAE ARGAR ARMAM ASMAS ATGAG AUSAU AUTAT AZEAZ BDIBI BELBE BENBJ BFABF BGDBD
    BGRBG BHRBH BHSBS BIHBA BLRBY BLZBZ BMUBM BOLBO BRABR BRBBB BRNBN BTNBT BWABW CAFCF CANCA CHECH CHLCL CHNCN CIVCI
    CMRCM CODCD COGCG COKCK COLCO COMKM CPVCV CRICR CUBCU CYMKY CYPCY CZECZ DEUDE DJIDJ DMADM DNKDK DOMDO DZADZ ECUEC
    EGYEG ERIER ESHEH ESPES ESTEE ETHET FINFI FJIFJ FLKFK FRAFR FROFO FSMFM GABGA GBRGB GEOGE GGYGG GHAGH GIBGI GINGN
    GLPGP GMBGM GNBGW GNQGQ GRCGR GRDGD GRLGL GTMGT GUFGF GUMGU GUYGY HKGHK HNDHN HRVHR HTIHT HUNHU IDNID IMNIM INDIN
    IRLIE IRNIR IRQIQ ISLIS ISRIL ITAIT JAMJM JEYJE JORJO JPNJP KAZKZ KENKE KGZKG KHMKH KIRKI KNAKN KORKR KWTKW LAOLA
    LBNLB LBRLR LBYLY LCALC LIELI LKALK LSOLS LTULT LUXLU LVALV MACMO MARMA MCOMC MDAMD MDGMG MDVMV MEXMX MHLMH MKDMK
    MLIML MLTMT MMRMM MNEME MNGMN MNPMP MOZMZ MRTMR MSRMS MTQMQ MUSMU MWIMW MYSMY MYTYT NAMNA NCLNC NERNE NFKNF NGANG
    NICNI NIUNU NLDNL NORNO NPLNP NRUNR NZLNZ OMNOM PAKPK PANPA PCNPN PERPE PHLPH PLWPW PNGPG POLPL PRIPR PRKKP PRTPT
    PRYPY PSEPS PYFPF QATQA REURE ROURO RUSRU RWARW SAUSA SDNSD SENSN SGPSG SHNSH SJMSJ SLBSB SLESL SLVSV SMRSM SOMSO
    SPMPM SRBRS STPST SURSR SVKSK SVNSI SWESE SWZSZ SYCSC SYRSY TCATC TCDTD TGOTG THATH TJKTJ TKLTK TKMTM TLSTL TONTO
    TTOTT TUNTN TURTR TUVTV TWNTW TZATZ UGAUG UKRUA URYUY USAUS UZBUZ VATVA VCTVC VENVE VGBVG VIRVI VNMVN VUTVU WLFWF
    WSMWS YEMYE ZAFZA ZMBZM ZWEZW
"""
COUNTRIES: Mapping[str, str] = {pair[3:]: pair[:3] for pair in _COUNTRIES.split()}  # ISO 2 -> Facturae
_UNITS = """
    01-C62 02-HUR 03-KGM 04-LTR 06-XBX 07-XDS 08-XBA 09-XJY 10-XBG 11-XCO 12-XBO 13-XCI 15-CLT 16-CMT 17-XBI 18-DZN 19-XCS
    20-XDJ 21-GRM 22-KMT 23-XCA 24-XBH 25-MTR 26-MMT 28-XPK 29-PTN 30-XRO 31-XEN 32-XTB 33-MTQ 34-SEC 35-WTT 36-KWH
"""
UNITS: Mapping[str, str] = {
    pair[3:]: pair[:2] for pair in _UNITS.split()
}  # Rec 20 and 21 -> Facturae; the others pass as they are
PAYMENT_MEANS: Mapping[str, str] = {
    "01": "10",
    "02": "49",
    "04": "30",
    "05": "44",
    "08": "24",
    "09": "60",
    "10": "60",
    "11": "20",
    "14": "97",
    "15": "50",
    "16": "25",
    "17": "21",
    "18": "10",
    "19": "48",
}
UNDEFINED_MEANS = "1"  # UNTDID 4461: what has no code there is told in words
MEANS_NAMES: Mapping[str, str] = {
    "03": "Recibo",
    "06": "Crédito documentario",
    "07": "Contrato adjudicación",
    "09": "Pagaré a la orden",
    "10": "Pagaré no a la orden",
    "12": "Liquidación por reposición",
    "13": "Especiales",
    "18": "Pago contra reembolso",
}
VAT, IPSI, IGIC = "01", "02", "03"  # TaxTypeCode
TRAVEL_AGENCIES: Mapping[str, str] = {"17": VAT, "18": IGIC, "19": IPSI}
TAXES_ON_VALUE = frozenset({VAT, IPSI, IGIC, *TRAVEL_AGENCIES})
INVOICE, CORRECTED, SELF_BILLED = "380", "384", "389"  # UNTDID 1001
MEDIA: Mapping[str, str] = {
    "xml": "application/xml",
    "doc": "application/msword",
    "gif": "image/gif",
    "rtf": "application/rtf",
    "pdf": "application/pdf",
    "xls": "application/vnd.ms-excel",
    "jpg": "image/jpeg",
    "bmp": "image/bmp",
    "tiff": "image/tiff",
    "html": "text/html",
}
COMPRESSED: Mapping[str, str] = {"ZIP": "application/zip", "GZIP": "application/gzip"}
